import { type Allocation, NbError, type ResourceRequest, type Store, enterStore } from '@nb/contracts'

/** A lease at rest. Its end is not stored: after a restart every holder gets a full term to show that it lives. */
export interface LeaseRecord {
  readonly leaseId: string
  readonly request: ResourceRequest
  readonly allocation: Allocation
  /** When it was granted, milliseconds since the epoch. */
  readonly grantedAt: number
}

/** The leases at rest, by id. */
export interface LeaseStore {
  /** Oldest first. Rejects with `version-unsupported`, `store-corrupt` naming the entry, `store-failed`. */
  load(): Promise<readonly LeaseRecord[]>
  /** A number that no lease had, not even before a restart. */
  nextNumber(): number
  /** Durable when it resolves. Rejects with `store-failed`. */
  put(record: LeaseRecord): Promise<void>
  /** Durable when it resolves. Rejects with `store-failed`. */
  remove(leaseId: string): Promise<void>
}

/** The family's databases take `sync` each by its own options; `abstract-level` names only the common ones. */
const durable: object = { sync: true }
/** The form of the store that this version writes, noted in it. */
const presentForm = 1
const lastNumberKey = 'last-number'

/** The leases in a store. */
export function leaseStore(store: Store): LeaseStore {
  const leases = store.sublevel<string, LeaseRecord>('leases', { valueEncoding: 'json' })
  const numbers = store.sublevel<string, number>('numbers', { valueEncoding: 'json' })
  let lastNumber = 0

  const load = async (): Promise<readonly LeaseRecord[]> => {
    await enterStore(store, presentForm, 'the resource broker’s store')
    lastNumber = (await numbers.get(lastNumberKey)) ?? 0
    const records: LeaseRecord[] = []
    // As text, so that an entry that is not JSON can be named.
    for await (const [key, text] of leases.iterator<string, string>({ valueEncoding: 'utf8' }))
      records.push(readRecord(key, text))
    return records.sort((a, b) => a.grantedAt - b.grantedAt)
  }
  return {
    load: () => load().catch((error: unknown) => Promise.reject(readFailure(error))),
    nextNumber: () => (lastNumber += 1),
    put: (record) => {
      const operations = [
        { type: 'put' as const, sublevel: leases, key: record.leaseId, value: record },
        { type: 'put' as const, sublevel: numbers, key: lastNumberKey, value: lastNumber },
      ]
      return store.batch<string, LeaseRecord | number>(operations, durable).catch(writeFailed)
    },
    remove: (leaseId) => leases.del(leaseId, durable).catch(writeFailed),
  }
}

function readRecord(key: string, text: string): LeaseRecord {
  try {
    const record = JSON.parse(text) as LeaseRecord
    for (const id of [record.leaseId, record.request.requestId, record.allocation.allocationId])
      if (typeof id !== 'string') throw new TypeError('a lease without its ids')
    return record
  } catch (cause) {
    const message = `the resource broker's store holds a lease that cannot be read: ${key}`
    throw new NbError('store-corrupt', message, { cause, details: { lease: key } })
  }
}

function readFailure(error: unknown): NbError {
  if (error instanceof NbError) return error
  return new NbError('store-failed', 'the resource broker could not read its store', { cause: error })
}

function writeFailed(cause: unknown): never {
  throw new NbError('store-failed', 'the resource broker could not write to its store', { cause })
}
