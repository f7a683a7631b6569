import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { NbError } from '@nb/contracts'
import type { AccessControl } from '../access/access.ts'
import type { Admission } from '../calls/call-handler.ts'
import type { PeerIdentity } from '../identity/identity.ts'
import type { TlsServer } from './tls-server.ts'

/** The longest argument of a caller that nobody knows, bytes. */
const strangersArgumentBytes = 65_536
const tooLongForStranger = new NbError(
  'access-denied',
  `a caller without a certificate says no more than ${strangersArgumentBytes} bytes; enrol this host first`,
  { remedy: 'Enrol this host first, with a token of the administrator: nb host enrol.' },
)

/** The longest argument of a host that is a client and nothing else, bytes. */
const clientsArgumentBytes = 2 ** 20

/** What the requests on a TLS server are taken as: who makes them, what that may take of the memory here, and who decides about the calls. */
export function createAdmission(
  { callerOf, goodUntil }: Pick<TlsServer, 'callerOf' | 'goodUntil'>,
  access: AccessControl,
  maxArgumentBytes: number,
): (request: IncomingMessage) => Admission | NbError {
  const limitsOf = (peer: PeerIdentity | undefined, end: string): Omit<Admission, 'admit'> => {
    // No name of ours has a blank. Strangers share nothing, so that none takes the room of one that enrols.
    if (peer === undefined)
      return {
        caller: `stranger ${end}`,
        most: Math.min(strangersArgumentBytes, maxArgumentBytes),
        tooLong: tooLongForStranger,
      }
    const isClient = peer.roles.every((role) => role === 'client')
    return {
      caller: peer.name,
      most: isClient ? Math.min(clientsArgumentBytes, maxArgumentBytes) : maxArgumentBytes,
    }
  }
  return ({ socket }) => {
    const caller = callerOf(socket as TLSSocket)
    // An IPv4 peer of a socket for both kinds.
    const address = socket.remoteAddress?.replace(/^::ffff:(?=[0-9.]+$)/, '')
    const place = address === undefined ? {} : { address }
    if (caller instanceof NbError) {
      access.refused?.({ ...place, error: caller })
      return caller
    }
    const until = goodUntil(socket as TLSSocket)
    const from = { peer: caller === 'nobody' ? undefined : caller, ...place }
    return {
      ...limitsOf(from.peer, `${address} ${socket.remotePort}`),
      admit: (call) => access.admit({ ...call, ...from }),
      ...(until === undefined ? {} : { until }),
    }
  }
}
