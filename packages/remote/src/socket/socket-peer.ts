import { Agent, request } from 'node:http'
import type { HttpPeer } from '../calls/http-caller.ts'

/** The server that listens on a Unix socket. */
export function socketPeer(socketPath: string): HttpPeer {
  const agent = new Agent({ keepAlive: true })
  return {
    name: socketPath,
    request: (options) => request({ ...options, socketPath, agent }),
    close: () => agent.destroy(),
  }
}
