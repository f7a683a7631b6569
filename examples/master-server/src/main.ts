import { join } from 'node:path'
import { lifecycle, systemClock, systemFiles } from '@nb/contracts'
import { listening, parseHostOptions, runHost, seconds } from '@nb/example-host-program'
import { lossWarning, openDatabase } from '@nb/example-host-program/database'
import {
  createAccessControl,
  createAuditLog,
  createTlsChannels,
  followAddresses,
  openSite,
  serve,
} from '@nb/remote'
import { composeMaster } from './compose-master.ts'
import { registerMediaServers } from './register-media-servers.ts'

const { name, address, port, state, heartbeatMs, compress, more } = parseHostOptions(process.argv.slice(2), {
  name: 'master-server',
  description:
    'A master server: policies, jobs, resources, catalog and restores of a site. Media and clients are on other hosts.',
  needsMaster: false,
  options: (program) =>
    program.option(
      '--media-server-timeout <SECONDS>',
      'how long a media server may be silent before its jobs end with 811',
      seconds,
      600,
    ),
  read: (program) => program.opts<{ readonly mediaServerTimeout: number }>(),
  examples: `Example:
  master-server --state /var/lib/nb/master --address backup1.example.org
  nb --state /var/lib/nb/master host token web1 --role client     in another terminal: lets web1 enrol`,
})

await runHost(async () => {
  const clock = systemClock()
  const files = systemFiles()
  const failed = new AbortController()
  const warn = (text: string): void => console.error(`warning: ${text}`)
  const database = await openDatabase(state, {
    onFailure: (error) => failed.abort(error),
    onLoss: (bytes) => warn(lossWarning(bytes)),
  })
  const store = database.sublevel('hosts')
  const site = await openSite({ store, clock, files, directory: state }, { name, addresses: [address] })
  const { identity, hosts, enrolment } = site
  const channels = createTlsChannels({ identity, clock }, { address, name, heartbeatMs, compress })
  const mediaServers = followAddresses(site, 'media-server')
  const clients = followAddresses(site, 'client')
  const master = composeMaster({
    ...{ database, files, clock, stateDirectory: state, identity, channels, heartbeatMs },
    mediaServerTimeoutMs: more.mediaServerTimeout * 1000,
    mediaServers: mediaServers.addresses,
    clients: clients.addresses,
  })
  const audit = createAuditLog({ store: database.sublevel('audit'), clock })
  const ports = { ...master.ports, hosts, enrolment, audit }
  const parts = lifecycle(
    { stop: () => database.close() },
    ...[audit, site, mediaServers, clients, master],
    registerMediaServers(site, master.ports.media, warn),
    listening(() =>
      serve(ports, { port, identity, access: createAccessControl({ clock, ...ports }), channels }),
    ),
    listening(() =>
      serve(ports, {
        socketPath: join(state, 'nb.sock'),
        access: createAccessControl({ clock, ...master.ports, audit }),
      }),
    ),
  )
  return {
    ...parts,
    failed: failed.signal,
    told: `master server ${name} at ${address}, process ${process.pid}, state in ${state}`,
  }
})
