import type { CallOptions } from './call-options.ts'
import type { Role } from './roles.ts'

/** A host or person that the master knows. Times are milliseconds since the epoch. */
export interface HostRecord {
  /** The name by which policies, certificates and the audit log know it. */
  readonly name: string
  readonly kind: 'host' | 'person'
  readonly roles: readonly Role[]
  /** Where the host is reached, each `host:port`, the first one first. */
  readonly addresses: readonly string[]
  /** The clients whose backups it may browse and restore besides its own, `*` for all. */
  readonly sources: readonly string[]
  /** `invited` until it has a certificate; `revoked` has none that is good. */
  readonly state: 'invited' | 'enrolled' | 'revoked'
  /** Until when its token is good; absent where it has none. */
  readonly tokenExpiresAt?: number
  /** The newest. */
  readonly certificate?: HostCertificate
  /** With `revoked`. */
  readonly revoked?: { readonly at: number; readonly reason: string }
}

/** What a directory tells of a certificate. */
export interface HostCertificate {
  /** Hexadecimal digits. */
  readonly serial: string
  /** SHA-256 of the certificate: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
}

/** How long a token to enrol with may be good, milliseconds. */
export const tokenValidity: {
  /** A second. */
  readonly leastMs: number
  /** Thirty days. */
  readonly mostMs: number
  /** Where nothing else is said. */
  readonly usualMs: number
} = { leastMs: 1000, mostMs: 30 * 86_400_000, usualMs: 86_400_000 }

/** Which hosts and persons. All given conditions must hold. */
export interface HostFilter {
  readonly kind?: HostRecord['kind']
  readonly role?: Role
  readonly state?: HostRecord['state']
}

/**
 * The hosts and persons that the master knows, and what each may do.
 *
 * Obligations: what a call answered with survives any crash. Names differ in more than the case of their letters.
 */
export interface HostDirectory {
  /** Those that match, by name. */
  list(input: HostFilter, options?: CallOptions): AsyncIterable<HostRecord>
  /** The record, or `undefined`. */
  get(input: { readonly name: string }, options?: CallOptions): Promise<HostRecord | undefined>
  /**
   * A token with which a host or person of this name enrols once, for these roles, all of hosts or all of persons. The text has the secret
   * and the fingerprint of the authority; it is told this once, and a token that the name had before is void. A name that has a
   * certificate keeps it, and its roles, until the token is used.
   *
   * @param input - `validForMs` within {@link tokenValidity}. Rejects with `argument-invalid`, `already-exists`
   * where another name differs in case alone, `state-conflict` where the name is of the other kind.
   */
  createToken(
    input: {
      readonly name: string
      readonly roles: readonly Role[]
      readonly addresses?: readonly string[]
      readonly validForMs?: number
    },
    options?: CallOptions,
  ): Promise<{ readonly token: string; readonly expiresAt: number }>
  /**
   * Changes what is given. Roles count at the master at once and are in the next certificate. Rejects with `not-found`,
   * `argument-invalid`, `state-conflict` for the role of a master, which is neither given nor taken so.
   */
  update(
    input: {
      readonly name: string
      readonly roles?: readonly Role[]
      readonly addresses?: readonly string[]
      readonly sources?: readonly string[]
    },
    options?: CallOptions,
  ): Promise<HostRecord>
  /**
   * Revokes all certificates of the name and voids its token. Idempotent; the first reason stays. Rejects with `not-found`,
   * `state-conflict` for a master.
   */
  revoke(input: { readonly name: string; readonly reason: string }, options?: CallOptions): Promise<void>
  /** Takes a name off that is revoked, or was never enrolled. Idempotent. Rejects with `state-conflict` for an enrolled one. */
  remove(input: { readonly name: string }, options?: CallOptions): Promise<void>
}

/** Events of a host directory. */
export interface HostDirectoryEvents {
  /** When a name got a certificate by a token. */
  'host:enrolled': { readonly name: string; readonly certificate: HostCertificate }
  /** When a name got its next certificate. */
  'host:renewed': { readonly name: string; readonly certificate: HostCertificate }
  /** When roles, addresses or sources of a name have changed. */
  'host:changed': { readonly name: string }
  /** When certificates were revoked: their fingerprints. */
  'host:revoked': { readonly name: string; readonly fingerprints: readonly string[] }
}
