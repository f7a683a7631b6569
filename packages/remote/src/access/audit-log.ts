import {
  asNbError,
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type AuditRecord,
  type Clock,
  debugLogger,
  enterStore,
  type Lifecycle,
  type Logger,
  NbError,
  SerialQueue,
  type Store,
} from '@nb/contracts'

/** What an audit log is made of. */
export interface AuditLogComponents {
  readonly store: Store
  readonly clock: Clock
  /** @default debugLogger('nb:remote:audit') */
  readonly log?: Logger
}

/** Options of {@link createAuditLog}. */
export interface AuditLogOptions {
  /** How long an entry is kept, milliseconds, 86400000 (a day) or more. @default 34560000000 (400 days) */
  readonly keepMs?: number
}

const dayMs = 86_400_000
/** The family's databases take `sync` each by its own options; `abstract-level` names only the common ones. */
const durable: object = { sync: true }

/** So that keys sort as numbers do. */
const keyOf = (number: number): string => String(number).padStart(16, '0')

/**
 * An audit log in a store: sublevel `entries`, JSON by number, `numbers` with the last one that went, and `form` with the number of its form, 1. It is to be started before it is used:
 * entries that are too old go then, and once a day. `start` rejects with `version-unsupported` for a store of a newer form, `store-failed`.
 */
export function createAuditLog(
  { store, clock, log = debugLogger('nb:remote:audit') }: AuditLogComponents,
  { keepMs = 400 * dayMs }: AuditLogOptions = {},
): AuditLog & Required<Lifecycle> {
  if (!(keepMs >= dayMs)) throw new TypeError(`keepMs must be 86400000 or more, not ${keepMs}`)
  const entries = store.sublevel<string, AuditRecord>('entries', { valueEncoding: 'json' })
  const numbers = store.sublevel<string, number>('numbers', { valueEncoding: 'json' })
  const appends = new SerialQueue()
  const arrivals = new Set<() => void>()
  let last = 0
  let cancelPurge: (() => void) | undefined

  const purge = async (): Promise<void> => {
    const before = clock.now() - keepMs
    const old: string[] = []
    // By number: those that follow a young one are young, but for clocks that were set back.
    for await (const [key, { time }] of entries.iterator()) {
      if (time >= before) break
      old.push(key)
    }
    if (old.length === 0) return
    // Numbers go on where they were, also when none of the entries is left.
    await store.batch<string, unknown>(
      [
        ...old.map((key) => ({ type: 'del' as const, sublevel: entries, key })),
        { type: 'put', sublevel: numbers, key: 'last', value: last },
      ],
      durable,
    )
  }
  const purgeDaily = (): void => {
    cancelPurge = clock.setTimer(dayMs, () => {
      purgeDaily()
      appends.run(purge).catch((error: unknown) => log.error('old entries were not removed: %o', error))
    })
  }
  const add = async (entry: AuditEntry): Promise<void> => {
    const number = last + 1
    await entries.put(keyOf(number), { ...entry, number }, durable)
    last = number
    for (const tell of [...arrivals]) tell()
  }
  return {
    append: (entry) => appends.run(() => guarded(add(entry))),
    async *list(filter, options) {
      let left = filter.limit ?? Number.POSITIVE_INFINITY
      if (left <= 0) return
      for await (const record of entries.values({ reverse: true })) {
        options?.signal?.throwIfAborted()
        if (!matches(record, filter)) continue
        yield record
        left -= 1
        if (left <= 0) return
      }
    },
    async *watch(filter, options) {
      let seen = last
      const signal = options?.signal
      for (;;) {
        signal?.throwIfAborted()
        // From the store, so that a slow reader costs nothing but its own time.
        const found = await entries.values({ gt: keyOf(seen), limit: 100 }).all()
        for (const record of found) {
          seen = record.number
          if (matches(record, filter)) yield record
        }
        if (seen >= last) await arrival(arrivals, () => seen < last, signal)
      }
    },
    start: async () => {
      if (cancelPurge !== undefined) return
      await enterStore(store, 1, 'the audit log')
      await guarded(
        (async () => {
          const [newest] = await entries.keys({ reverse: true, limit: 1 }).all()
          last = Math.max(Number(newest ?? 0), (await numbers.get('last')) ?? 0)
          await purge()
        })(),
      )
      purgeDaily()
    },
    stop: async () => {
      cancelPurge?.()
      cancelPurge = undefined
      await appends.settled()
    },
  }
}

/** Resolves with the next entry; rejects when the signal aborts. */
function arrival(
  arrivals: Set<() => void>,
  isThere: () => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      arrivals.delete(tell)
      signal?.removeEventListener('abort', abort)
    }
    const tell = (): void => {
      leave()
      resolve()
    }
    const abort = (): void => {
      leave()
      reject(signal?.reason as Error)
    }
    if (signal?.aborted === true) return abort()
    if (isThere()) return tell()
    arrivals.add(tell)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

function matches(record: AuditRecord, { caller, call, subject, outcomes, from, to }: AuditFilter): boolean {
  return (
    (caller === undefined || record.caller.name === caller) &&
    (call === undefined || record.call === call || record.call.startsWith(`${call}.`)) &&
    (subject === undefined || record.subject === subject) &&
    (outcomes === undefined || outcomes.includes(record.outcome)) &&
    (from === undefined || record.time >= from) &&
    (to === undefined || record.time < to)
  )
}

async function guarded<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (cause) {
    const reason = asNbError((cause as Error).cause ?? cause).message
    throw new NbError('store-failed', `the audit log could not be read or written: ${reason}`, { cause })
  }
}
