import { Agent, request } from 'node:http'
import type { HttpPeer } from '../calls/http-caller.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { dial, type ExpectedPeer, protocols } from './dial.ts'
import { formatTlsAddress, type TlsAddress } from './tls-address.ts'

/** The server of a host: each connection is made with the identity of that moment. */
export function tlsPeer(address: TlsAddress, identity: HostIdentity, expected: ExpectedPeer): HttpPeer {
  const name = formatTlsAddress(address)
  const agent = new Agent({ keepAlive: true })
  agent.createConnection = (_options, connected) => {
    dial(address, protocols.calls, identity, expected).then(
      (socket) => connected?.(null, socket),
      (error: Error) => connected?.(error, undefined as never),
    )
    return undefined
  }
  return {
    name,
    request: (options) => request({ ...options, agent, host: address.host, port: address.port }),
    close: () => agent.destroy(),
  }
}
