import { once } from 'node:events'
import { createServer, type ListenOptions, type Server } from 'node:net'

/** Below those that systems give to outgoing connections: one of these would be taken by any of them before its listener comes. */
const ports = { from: 10_000, to: 32_000 }

/**
 * A TCP port of 127.0.0.1 that nobody listens on, and that no other process is given by this while this one lives: for a process that has to be told one.
 * Whoever can listen on port 0 itself is safer.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from))
    if (!(await claimed(port))) continue
    const probe = await listening({ port, host: '127.0.0.1' })
    if (probe === undefined) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/** Whether it is this process's from now on: by an abstract socket, which Linux takes away with the process. Elsewhere nothing tells. */
async function claimed(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const claim = await listening({ path: `\0nb-test-port-${port}` })
  claim?.unref()
  return claim !== undefined
}

async function listening(at: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(at)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
}
