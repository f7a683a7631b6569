export type { Role } from '@nb/contracts'
export { type PeerIdentity, peerIdentityOf } from './peer-identity.ts'

/** What a host or person proves itself with: PEM texts. */
export interface IdentityMaterial {
  /** Its own certificate, then those between it and an authority. */
  readonly certificate: string
  /** PKCS #8; a secret. */
  readonly privateKey: string
  /** The certificates of the authorities that are trusted; a peer's must come from one of them. */
  readonly authorities: string
  /** What the authorities have revoked. @default nothing is */
  readonly revocations?: string
  /**
   * Serial numbers on a list that came since the identity was opened, hexadecimal digits in lower case: connections of those are cut. (New ones
   * are refused by the list itself.) @default none is
   */
  readonly revoked?: ReadonlySet<string>
}

/** The identity in use; renewed material takes its place while connections live. */
export interface HostIdentity {
  /** The material that new connections are made with. */
  current(): IdentityMaterial
  /** Calls `listener` whenever {@link current} gives something else; gives the function that ends this. */
  onChange(listener: () => void): () => void
}
