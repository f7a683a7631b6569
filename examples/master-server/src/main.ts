import { join } from 'node:path'
import { lifecycle, systemClock, systemFiles } from '@nb/contracts'
import { listening, parseHostOptions, runHost, type RunningHost, runOnce } from '@nb/example-host-program'
import { lossWarning, openDatabase } from '@nb/example-host-program/database'
import {
  createAccessControl,
  createAuditLog,
  createTlsChannels,
  followAddresses,
  openSite,
  serve,
} from '@nb/remote'
import { withRecoveryFiles } from '@nb/example-host-program/catalog-backup'
import { composeMaster } from './compose-master.ts'
import { catalogClient, recoverMaster, withItself } from './catalog-backup.ts'
import { masterProgram } from './master-options.ts'
import { registerMediaServers } from './register-media-servers.ts'

const options = parseHostOptions(process.argv.slice(2), masterProgram)
const { name, address, port, state, heartbeatMs, compress, more } = options

if (more.recover === undefined) await runHost(start)
else await runOnce(async () => console.log(await recoverMaster(state, more)))

async function start(): Promise<RunningHost> {
  const clock = systemClock()
  const files = systemFiles()
  const crashed = new AbortController()
  const warn = (text: string): void => console.error(`warning: ${text}`)
  const database = await openDatabase(state, {
    onFailure: (error) => crashed.abort(error),
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
    mediaServerTimeoutMs: more.mediaServerTimeoutMs,
    mediaServers: mediaServers.addresses,
    clients:
      more.catalogBackup === undefined ? clients.addresses : withItself(clients.addresses, name, address),
    decorateCatalog: (catalog) => withRecoveryFiles(catalog, () => itself?.writeRecovery),
  })
  const { ports: its } = master
  const ground = { database, files, clock, channels, stateDirectory: state, ports: its, warn }
  const { catalogBackup: directory } = more
  const itself = directory === undefined ? undefined : catalogClient({ ...ground, directory })
  const audit = createAuditLog({ store: database.sublevel('audit'), clock })
  const ports = {
    ...{ ...its, hosts, enrolment, audit },
    ...(itself === undefined ? {} : { clientAgent: itself.clientAgent }),
  }
  const parts = lifecycle(
    { stop: () => database.close() },
    ...[audit, site, mediaServers, clients, itself?.life ?? {}, master],
    registerMediaServers(site, its.media, warn),
    listening(() =>
      serve(ports, { port, identity, access: createAccessControl({ clock, ...ports }), channels }),
    ),
    listening(() =>
      serve(ports, {
        socketPath: join(state, 'nb.sock'),
        access: createAccessControl({ clock, ...its, audit }),
      }),
    ),
  )
  return {
    ...parts,
    crashed: crashed.signal,
    told: `master server ${name} at ${address}, process ${process.pid}, state in ${state}`,
  }
}
