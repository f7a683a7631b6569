import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort } from '../src/free-port.ts'

t.test('a port is given once, and can be listened on', async (t) => {
  const ports = await Promise.all(Array.from({ length: 300 }, freePort))
  t.equal(new Set(ports).size, 300)
  const server = createServer().listen(ports[0], '127.0.0.1')
  await once(server, 'listening')
  server.close()
})
