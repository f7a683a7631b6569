import { join } from 'node:path'
import { lifecycle, systemClock, systemFiles } from '@nb/contracts'
import {
  listening,
  parseHostOptions,
  remedyOfOwner,
  runHost,
  type RunningHost,
  tellOfMaster,
} from '@nb/example-host-program'
import { addTapeKey, chapOption, checkTapeKeys, openTape } from '@nb/example-host-program/tape'
import { remedyOfLibrary } from '@nb/media-tape'
import { createAccessControl, createTlsChannels, locateHosts, openHost, serve } from '@nb/remote'
import { composeMediaServer } from './compose-media-server.ts'
import { mediaServerProgram } from './media-server-options.ts'

const options = parseHostOptions(process.argv.slice(2), mediaServerProgram)
const { name, address, port, state, master: masterAddress, heartbeatMs, compress } = options
const { disks, newDisks, takenDisks, clientTimeoutMs } = options.more
const { tape: settings, tapeUnit: storageUnit, newTapeKey } = options.more
const warn = (text: string): void => console.error(`warning: ${text}`)

if (newTapeKey === undefined)
  await runHost(start, (error) => {
    const taking = remedyOfOwner(error)
    if (taking !== undefined) return taking
    return settings === undefined ? error.remedy : remedyOfLibrary(error, { ...settings.access, chapOption })
  })
else await addTapeKey(newTapeKey, console.log)

async function start(): Promise<RunningHost> {
  const clock = systemClock()
  const files = systemFiles()
  const host = await openHost(
    { clock, directory: join(state, 'identity'), master: masterAddress },
    { heartbeatMs, expect: { name, role: 'media-server' } },
  )
  const toldOfMaster = tellOfMaster(host, masterAddress)
  const { identity, master } = host
  const channels = createTlsChannels({ identity, clock }, { address, name, heartbeatMs, compress })
  const locate = async (client: string): Promise<string | undefined> =>
    (await master.hosts.get({ name: client }))?.addresses[0]
  const clients = locateHosts('clientAgent', { identity, clock, locate }, { heartbeatMs })
  if (settings?.keyFile !== undefined) await checkTapeKeys(settings.keyFile, warn)
  // Devices are called by their host's name: the master has those of others, too.
  const library = settings === undefined ? undefined : await openTape(settings, clock, `${name}-`)
  const media = composeMediaServer({
    ...{
      name,
      files,
      clock,
      channels,
      master,
      disks,
      newDisks,
      takenDisks,
      stateDirectory: state,
      warn,
      clientTimeoutMs,
    },
    clients: (client) => clients.get(client),
    ...(library === undefined || settings === undefined ? {} : { tape: { library, storageUnit, settings } }),
  })
  const parts = lifecycle(
    { stop: async () => clients.close() },
    { stop: async () => await library?.close() },
    host,
    listening(() => serve(media.ports, { port, identity, access: createAccessControl({ clock }), channels })),
    media,
  )
  return { ...parts, ...toldOfMaster, told: `media server ${name} at ${address}, process ${process.pid}` }
}
