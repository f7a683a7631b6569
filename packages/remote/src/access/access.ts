import type { NbError } from '@nb/contracts'
import type { PeerIdentity } from '../identity/identity.ts'
import type { CallEnded, PortCall } from '../wire/serve-port.ts'

/** A call of another host, its argument checked. */
export interface HostCall extends PortCall {
  /** Who makes it; absent where the caller showed no certificate: a host that enrols. */
  readonly peer: PeerIdentity | undefined
  /** The IP address that it comes from, where that is known. */
  readonly address?: string
}

/** Decides who may call what. */
export interface AccessControl {
  /**
   * Throws what the caller is answered with, `access-denied` mostly. What it gives is told how the call has ended, before the caller is; when that fails,
   * the call does.
   */
  admit(call: HostCall): Promise<CallEnded | undefined>
  /** Is told of a request that is refused unread, for the certificate that was shown or for too many connections. */
  refused?(request: RefusedRequest): void
}

/** A request that gets to no call. */
export interface RefusedRequest {
  /** The IP address that it comes from, where that is known. */
  readonly address?: string
  /** What it is answered with. */
  readonly error: NbError
}
