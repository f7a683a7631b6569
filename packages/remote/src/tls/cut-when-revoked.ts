import type { TLSSocket } from 'node:tls'
import type { HostIdentity } from '../identity/identity.ts'

/**
 * Cuts a connection as soon as this host knows that the certificate of its peer is revoked. Without it a connection would go on as long as it
 * likes: OpenSSL looks at the list when one is made.
 */
export function cutWhenRevoked(socket: TLSSocket, identity: HostIdentity): void {
  const serial = socket.getPeerX509Certificate()?.serialNumber.toLowerCase()
  if (serial === undefined) return
  const look = (): void => {
    if (identity.current().revoked?.has(serial) === true)
      socket.destroy(new Error('the certificate of the other side was revoked'))
  }
  socket.once('close', identity.onChange(look))
  // There may have been a new list while it was made.
  look()
}
