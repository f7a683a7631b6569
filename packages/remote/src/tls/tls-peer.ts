import { Agent, type ClientRequest, request, type RequestOptions } from 'node:http'
import type { HttpPeer } from '../calls/http-caller.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { dial, type ExpectedPeer, protocols } from './dial.ts'
import { formatTlsAddress, type TlsAddress } from './tls-address.ts'

/** Options of a request, with what ends the making of its connection. */
interface Dialling extends RequestOptions {
  readonly givenUp?: AbortSignal
}

/** The server of a host: each connection is made with the identity of that moment. */
export function tlsPeer(address: TlsAddress, identity: HostIdentity, expected: ExpectedPeer): HttpPeer {
  const name = formatTlsAddress(address)
  const agent = new Agent({ keepAlive: true })
  const dialling = new Set<AbortController>()
  agent.createConnection = ({ givenUp }: Dialling, connected) => {
    dial(address, protocols.calls, identity, expected, givenUp).then(
      (socket) => connected?.(null, socket),
      (error: Error) => connected?.(error, undefined as never),
    )
    return undefined
  }
  return {
    name,
    request: (options) => {
      const giveUp = new AbortController()
      const dialled: Dialling = {
        ...options,
        ...{ agent, host: address.host, port: address.port, givenUp: giveUp.signal },
      }
      const made = endingDials(request(dialled), giveUp)
      // What the connection failed of is told to who reads the answer; Node.js has "aborted" for all.
      made.once('response', (answer) => made.on('error', (error) => answer.destroy(error)))
      dialling.add(giveUp)
      made.once('close', () => dialling.delete(giveUp))
      return made
    },
    close: () => {
      for (const each of dialling) each.abort(new Error('the connection was closed'))
      agent.destroy()
    },
  }
}

/** Node.js has a request that was given up wait for its connection; a host that is not there gives none for long. */
function endingDials(made: ClientRequest, giveUp: AbortController): ClientRequest {
  const destroy = made.destroy.bind(made)
  made.destroy = (error) => {
    giveUp.abort(error ?? new Error('the call was given up'))
    return destroy(error)
  }
  return made
}
