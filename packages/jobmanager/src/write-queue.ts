import { type Store, asNbError } from '@nb/contracts'

/** One put or removal in a sublevel of the store. */
export type WriteOperation =
  | { readonly type: 'put'; readonly sublevel: Store; readonly key: string; readonly value: string }
  /** The store writes it as JSON, and it must not change any more. */
  | {
      readonly type: 'put'
      readonly sublevel: Store
      readonly key: string
      readonly value: object
      readonly valueEncoding: 'json'
    }
  | { readonly type: 'del'; readonly sublevel: Store; readonly key: string }

/**
 * Writes in the order of asking, one batch at a time. What is asked for while a batch is under way goes into the
 * next one together: two hundred jobs that end at once cost a handful of syncs.
 */
export interface WriteQueue {
  /** All or nothing. Resolves when written, and with `sync` when durable. Rejects with `store-failed`, `disk-full`. */
  write(operations: readonly WriteOperation[], options?: { readonly sync?: boolean }): Promise<void>
  /** Resolves when nothing is left to write. */
  drained(): Promise<void>
}

/** Resolves when written. */
export const soon = { sync: false } as const
/** Resolves when durable. */
export const durable = { sync: true } as const

/** What is asked for until the next batch begins. It ends for all who asked at once. */
class Batch {
  operations: readonly WriteOperation[]
  sync: boolean
  readonly done: Promise<void>
  resolve!: () => void
  reject!: (error: Error) => void

  constructor(operations: readonly WriteOperation[], sync: boolean) {
    this.operations = operations
    this.sync = sync
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/** Makes the queue in front of a store. */
export function createWriteQueue(store: Store): WriteQueue {
  return new BatchQueue(store)
}

class BatchQueue implements WriteQueue {
  readonly #store: Store
  #waiting: Batch | undefined
  #running: Batch | undefined
  /** Those of the waiting batch, where it has more than what the first asked for. */
  #joined: WriteOperation[] | undefined
  // Made once: one batch runs at a time.
  readonly #begin = (): void => this.#next()
  readonly #written = (): void => this.#over(undefined)
  readonly #failed = (error: unknown): void => this.#over(asNbError(error, 'store-failed'))

  constructor(store: Store) {
    this.#store = store
  }

  write(operations: readonly WriteOperation[], options?: { readonly sync?: boolean }): Promise<void> {
    const sync = options?.sync === true
    const waiting = this.#waiting
    if (waiting !== undefined) {
      if (this.#joined === undefined) waiting.operations = this.#joined = [...waiting.operations]
      for (const operation of operations) this.#joined.push(operation)
      waiting.sync ||= sync
      return waiting.done
    }
    const batch = new Batch(operations, sync)
    this.#waiting = batch
    // Lets everything that the same turn asks for into the first batch.
    if (this.#running === undefined) void turn.then(this.#begin)
    return batch.done
  }

  async drained(): Promise<void> {
    for (let last = this.#last; last !== undefined; last = this.#last) await last.done.catch(ignored)
  }

  get #last(): Batch | undefined {
    return this.#waiting ?? this.#running
  }

  #next(): void {
    const batch = this.#waiting
    if (batch === undefined) return
    this.#waiting = undefined
    this.#joined = undefined
    this.#running = batch
    try {
      // Sublevels are kept as plain stores; a batch wants to know them as what they are.
      const options = batch.sync ? durable : soon
      this.#store.batch(batch.operations as never[], options as object).then(this.#written, this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  #over(failure: Error | undefined): void {
    const batch = this.#running
    this.#running = undefined
    if (failure === undefined) batch?.resolve()
    else batch?.reject(failure)
    this.#next()
  }
}

const turn = Promise.resolve()
/** Those who asked are told of a failure. */
const ignored = (): void => undefined
