// The same bytes over a plain TCP connection on this host, one side in this process:
//   node raw-tcp-run.ts serve write|read FILE BYTES BLOCK      prints its port, serves one connection, ends
//   node raw-tcp-run.ts move  write|read PORT BYTES BLOCK      prints a line of JSON, see TapeWorkTime
// `write` moves to the file, `read` from it.

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import type { TapeWorkTime } from '../tape/work.ts'

const [role, way, place = '', ...sizes] = process.argv.slice(2)
const [bytes = 0, blockBytes = 0] = sizes.map(Number)

if (role === 'serve') {
  const server = createServer((socket) => {
    server.close()
    void serve(socket, place)
  })
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
} else {
  const used = process.cpuUsage()
  const begun = performance.now()
  await (way === 'write' ? send(Number(place)) : receive(Number(place)))
  const wallMs = performance.now() - begun
  const { user, system } = process.cpuUsage(used)
  const took: TapeWorkTime = { wallMs, cpuMs: (user + system) / 1000 }
  console.log(JSON.stringify(took))
}

async function serve(socket: Socket, file: string): Promise<void> {
  const open = openSync(file, way === 'write' ? 'w' : 'r')
  if (way === 'write') {
    let got = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      writeSync(open, chunk)
      got += chunk.length
      // One byte says that all of it is in the file.
      if (got === bytes) socket.end('.')
    }
  } else {
    const block = Buffer.alloc(blockBytes)
    for (let at = 0; at < bytes; at += blockBytes) {
      readSync(open, block, 0, blockBytes, at)
      await new Promise((resolve) => socket.write(block, resolve))
    }
    socket.end()
  }
  closeSync(open)
}

async function send(port: number): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  const block = Buffer.alloc(blockBytes, 7)
  for (let at = 0; at < bytes; at += blockBytes) if (!socket.write(block)) await once(socket, 'drain')
  await once(socket, 'data')
  socket.destroy()
}

async function receive(port: number): Promise<void> {
  let got = 0
  const buffer = Buffer.allocUnsafe(blockBytes)
  const socket = createConnection({
    ...{ host: '127.0.0.1', port },
    onread: {
      buffer,
      callback: (count) => {
        got += count
        return true
      },
    },
  })
  await once(socket, 'end')
  if (got !== bytes) throw new Error(`${got} bytes of ${bytes}`)
}
