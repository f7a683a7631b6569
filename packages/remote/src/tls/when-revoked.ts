import type { TLSSocket } from 'node:tls'
import type { HostIdentity } from '../identity/identity.ts'
import { peerIdentityOf } from '../identity/peer-identity.ts'

/**
 * Calls `act` with the name of the peer, once, as soon as this host knows that the certificate of a connection's peer is revoked. Without it a
 * connection would go on as long as it likes: OpenSSL looks at the list when one is made. Nor does TLS let an alert say it any later, so that
 * who acts says it in the words of what runs over the connection.
 */
export function whenRevoked(socket: TLSSocket, identity: HostIdentity, act: (name: string) => void): void {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return
  const serial = certificate.serialNumber.toLowerCase()
  let isOver = false
  const look = (): void => {
    if (isOver || identity.current().revoked?.has(serial) !== true) return
    isOver = true
    act(peerIdentityOf(certificate).name)
  }
  socket.once('close', identity.onChange(look))
  // There may have been a new list while it was made.
  look()
}
