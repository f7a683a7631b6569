import { join, resolve } from 'node:path'
import { lifecycle, systemClock, systemFiles } from '@nb/contracts'
import { listening, parseHostOptions, runHost, seconds } from '@nb/example-host-program'
import { createAccessControl, createTlsChannels, locateHosts, openHost, serve } from '@nb/remote'
import { composeMediaServer } from './compose-media-server.ts'

const options = parseHostOptions(process.argv.slice(2), {
  name: 'media-server',
  description: 'A media server with disk storage units, for a master server on another host.',
  needsMaster: true,
  options: (program) =>
    program
      .requiredOption(
        '--disk <NAME=DIR...>',
        'a disk storage unit and the folder it is in; may be said several times',
      )
      .option(
        '--new-disk <NAME...>',
        'of these the empty folder becomes a storage unit: say it at the first start, and no more',
      )
      .option(
        '--client-timeout <SECONDS>',
        'how long a client may send nothing while it is waited for, before its session ends with 41 or 76',
        seconds,
        300,
      ),
  examples: `Example:
  media-server --state /var/lib/nb/media --address media1.example.org --master backup1.example.org --disk disk1=/backup --new-disk disk1`,
})
const { name, address, port, state, master: masterAddress, heartbeatMs } = options
const disks = Object.fromEntries(
  (options.more.disk as readonly string[]).map((text) => {
    const [unit = '', ...folder] = text.split('=')
    return [unit, resolve(folder.join('='))]
  }),
)
const newDisks = (options.more.newDisk ?? []) as readonly string[]

await runHost(async () => {
  const clock = systemClock()
  const files = systemFiles()
  const host = await openHost(
    { clock, directory: join(state, 'identity'), master: masterAddress },
    { heartbeatMs },
  )
  const { identity, master } = host
  const channels = createTlsChannels({ identity, clock }, { address, name, heartbeatMs })
  const locate = async (client: string): Promise<string | undefined> =>
    (await master.hosts.get({ name: client }))?.addresses[0]
  const clients = locateHosts('clientAgent', { identity, clock, locate }, { heartbeatMs })
  const media = composeMediaServer({
    name,
    files,
    clock,
    channels,
    master,
    clients: (client) => clients.get(client),
    disks,
    newDisks,
    clientTimeoutMs: (options.more.clientTimeout as number) * 1000,
  })
  const parts = lifecycle(
    { stop: async () => clients.close() },
    host,
    listening(() => serve(media.ports, { port, identity, access: createAccessControl({ clock }), channels })),
    media,
  )
  return { ...parts, told: `nb: media server ${name} at ${address}, process ${process.pid}; Ctrl-C ends it` }
})
