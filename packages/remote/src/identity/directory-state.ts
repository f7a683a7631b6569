import {
  type Clock,
  createEmitter,
  debugLogger,
  type Emitter,
  type HostDirectoryEvents,
  type HostRecord,
  type Logger,
  SerialQueue,
  type Store,
} from '@nb/contracts'
import type { CertificateAuthority } from './authority.ts'
import {
  createDirectoryStore,
  type DirectoryChange,
  type DirectoryStore,
  type StoredCertificate,
  type StoredHost,
  type StoredList,
} from './directory-store.ts'

/** What a directory is made of. */
export interface IdentityDirectoryComponents {
  readonly store: Store
  readonly clock: Clock
  readonly authority: CertificateAuthority
  /** @default debugLogger('nb:remote:identity') */
  readonly log?: Logger
}

/** Options of a directory. */
export interface IdentityDirectoryOptions {
  /**
   * How long a list of revoked certificates says something, milliseconds, 600000 to 7776000000: a host that hears nothing from the master
   * for longer takes no connections any more. It is signed anew when half of that has passed. @default 604800000 (7 days)
   */
  readonly revocationsMs?: number
  /** Time between two certificates by renewal for one name with the same roles, milliseconds. @default 600000 */
  readonly renewalPauseMs?: number
}

/** What the ports of a directory share: its store, changed by one at a time. */
export class DirectoryState {
  readonly store: DirectoryStore
  readonly clock: Clock
  readonly authority: CertificateAuthority
  readonly events: Emitter<HostDirectoryEvents>
  readonly renewalPauseMs: number
  readonly #revocationsMs: number
  readonly #changes = new SerialQueue()

  constructor(
    { store, clock, authority, log = debugLogger('nb:remote:identity') }: IdentityDirectoryComponents,
    { revocationsMs = 7 * 86_400_000, renewalPauseMs = 600_000 }: IdentityDirectoryOptions,
  ) {
    if (!(revocationsMs >= 600_000 && revocationsMs <= 90 * 86_400_000))
      throw new TypeError(`revocationsMs must be 600000 to 7776000000, not ${revocationsMs}`)
    this.store = createDirectoryStore(store)
    this.clock = clock
    this.authority = authority
    this.events = createEmitter<HostDirectoryEvents>(log)
    this.renewalPauseMs = renewalPauseMs
    this.#revocationsMs = revocationsMs
  }

  /** Runs what reads and then writes, after all that came before. */
  change<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#changes.run(work)
  }

  /** The list of now; within {@link change}. It is signed anew where half of its life is over. */
  async revocations(): Promise<string> {
    const known = await this.store.list()
    const now = this.clock.now()
    // A clock that was set back would make a list that begins in the future.
    const isFresh =
      known !== undefined && now >= known.signedAt && now < known.signedAt + this.#revocationsMs / 2
    if (isFresh) return known.pem
    const list = await this.#sign(known, await this.store.revoked())
    await this.store.write({ list })
    return list.pem
  }

  /** Writes a change that revokes these certificates, together with the list that says so. */
  async revoke(certificates: readonly StoredCertificate[], change: DirectoryChange): Promise<void> {
    const now = this.clock.now()
    const live = certificates.filter(({ notAfter }) => notAfter > now)
    if (live.length === 0) return this.store.write(change)
    const before = await this.store.revoked()
    const over = before.filter(({ notAfter }) => notAfter <= now)
    const added = live.map(({ serial, notAfter }) => ({ serial, revokedAt: now, notAfter }))
    const list = await this.#sign(await this.store.list(), [...before, ...added])
    await this.store.write({
      ...change,
      revoked: Object.fromEntries([
        ...over.map(({ serial }) => [serial, undefined] as const),
        ...added.map(({ serial, revokedAt, notAfter }) => [serial, { revokedAt, notAfter }] as const),
      ]),
      list,
    })
  }

  async #sign(
    known: StoredList | undefined,
    revoked: readonly { readonly serial: string; readonly revokedAt: number; readonly notAfter: number }[],
  ): Promise<StoredList> {
    const now = this.clock.now()
    const number = (known?.number ?? 0) + 1
    const nextUpdate = now + this.#revocationsMs
    const live = revoked.filter(({ notAfter }) => notAfter > now)
    const pem = await this.authority.signRevocations({ revoked: live, number, nextUpdate })
    return { number, pem, signedAt: now, nextUpdate }
  }
}

/** What a directory tells of a name. */
export function toldHost(host: StoredHost, now: number): HostRecord {
  const { version: _, certificates, token, ...told } = host
  const newest = certificates.at(-1)
  const isOpen = token !== undefined && token.usedFor === undefined && token.expiresAt > now
  return {
    ...told,
    ...(isOpen ? { tokenExpiresAt: token.expiresAt } : {}),
    ...(newest === undefined ? {} : { certificate: toldCertificate(newest) }),
  }
}

/** What is told of a certificate. */
export function toldCertificate({
  serial,
  fingerprint,
  notBefore,
  notAfter,
}: StoredCertificate): NonNullable<HostRecord['certificate']> {
  return { serial, fingerprint, notBefore, notAfter }
}
