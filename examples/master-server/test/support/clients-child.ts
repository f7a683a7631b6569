// Many clients in one process, each with an identity, a port and connections of its own: as many processes as clients would only measure this machine.
//   clients-child.ts MASTER DIRECTORY NAME:PORT...
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import { createAccessControl, createTlsChannels, openHost, serve } from '@nb/remote'
import { composeClient } from '../../../client/src/compose-client.ts'

const [master = '', directory = '', ...clients] = process.argv.slice(2)
const clock = systemClock()
setInterval(() => undefined, 2 ** 30)
for (const text of clients) {
  const [name = '', port] = text.split(':')
  const state = join(directory, name)
  const host = await openHost({ clock, directory: join(state, 'identity'), master })
  const { identity } = host
  const channels = createTlsChannels({ identity, clock }, { address: `127.0.0.1:${port}`, name })
  const client = composeClient({ clock, channels, master: host.master, stateDirectory: state })
  await client.start()
  const access = createAccessControl({ clock, jobs: host.master.jobs })
  await serve(client.ports, { port: Number(port), host: '127.0.0.1', identity, access, channels })
}
console.log('ready')
