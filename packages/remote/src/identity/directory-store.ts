import { enterStore, type HostCertificate, type HostRecord, NbError, type Store } from '@nb/contracts'

/** A record with what is not told. */
export interface StoredHost extends Omit<HostRecord, 'certificate' | 'tokenExpiresAt'> {
  readonly version: 1
  /** Those that are not over, the newest last. */
  readonly certificates: readonly StoredCertificate[]
  readonly token?: StoredToken
}

/** A certificate that a name has. */
export interface StoredCertificate extends HostCertificate {
  /** SHA-256 of its public key, so that a request that is repeated is known. */
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  /** PEM. */
  readonly pem: string
}

/** A token that is not used yet, or was used and would be answered the same once more. */
export interface StoredToken {
  readonly hash: string
  readonly expiresAt: number
  /** What it makes of the name. */
  readonly roles: HostRecord['roles']
  /** Of the key that it was used for. */
  readonly usedFor?: string
}

/** A certificate that is on the list of those that are good no more, until its end. */
export interface StoredRevocation {
  readonly revokedAt: number
  readonly notAfter: number
}

/** The list as it was signed last. */
export interface StoredList {
  readonly number: number
  readonly pem: string
  readonly signedAt: number
  readonly nextUpdate: number
}

/** What is written together. `undefined` takes away. */
export interface DirectoryChange {
  readonly hosts?: Readonly<Record<string, StoredHost | undefined>>
  /** Hash of the secret to the name. */
  readonly tokens?: Readonly<Record<string, string | undefined>>
  /** By serial number. */
  readonly revoked?: Readonly<Record<string, StoredRevocation | undefined>>
  readonly list?: StoredList
}

/**
 * The directory at rest. Sublevels `hosts` (by name), `tokens` (by hash of the secret), `revoked` (by serial number), `list` (the
 * key `present`), each JSON; `form` has the number of its form, 1. Every call rejects with `store-failed`.
 */
export interface DirectoryStore {
  /** Refuses a store of a newer form: `version-unsupported`. */
  enter(): Promise<void>
  host(name: string): Promise<StoredHost | undefined>
  hosts(): AsyncIterable<StoredHost>
  nameOfToken(hash: string): Promise<string | undefined>
  revoked(): Promise<readonly (StoredRevocation & { readonly serial: string })[]>
  list(): Promise<StoredList | undefined>
  /** Makes all of it durable or none. */
  write(change: DirectoryChange): Promise<void>
}

/** The family's databases take `sync` each by its own options; `abstract-level` names only the common ones. */
const durable: object = { sync: true }

/** The directory in a store. */
export function createDirectoryStore(store: Store): DirectoryStore {
  const open = <Value>(name: string) => store.sublevel<string, Value>(name, { valueEncoding: 'json' })
  const hosts = open<StoredHost>('hosts')
  const tokens = open<string>('tokens')
  const revoked = open<StoredRevocation>('revoked')
  const list = open<StoredList>('list')
  const operations = (sublevel: unknown, entries: Readonly<Record<string, unknown>> = {}) =>
    Object.entries(entries).map(([key, value]) =>
      value === undefined ? { type: 'del', sublevel, key } : { type: 'put', sublevel, key, value },
    )
  return {
    enter: () => enterStore(store, 1, 'the directory of hosts'),
    host: (name) => guarded(hosts.get(name)),
    async *hosts() {
      try {
        yield* hosts.values()
      } catch (cause) {
        throw failed(cause)
      }
    },
    nameOfToken: (hash) => guarded(tokens.get(hash)),
    revoked: async () => {
      const entries = await guarded(revoked.iterator().all())
      return entries.map(([serial, entry]) => ({ serial, ...entry }))
    },
    list: () => guarded(list.get('present')),
    write: (change) =>
      guarded(
        store.batch<string, unknown>(
          [
            ...operations(hosts, change.hosts),
            ...operations(tokens, change.tokens),
            ...operations(revoked, change.revoked),
            ...(change.list === undefined ? [] : operations(list, { present: change.list })),
          ] as never,
          durable,
        ),
      ),
  }
}

async function guarded<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (cause) {
    throw failed(cause)
  }
}

function failed(cause: unknown): NbError {
  return new NbError('store-failed', 'the directory of hosts could not be read or written', { cause })
}
