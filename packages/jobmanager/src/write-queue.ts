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
  /** What each asked for. */
  readonly parts: (readonly WriteOperation[])[]
  sync: boolean
  readonly done: Promise<void>
  resolve!: () => void
  reject!: (error: Error) => void

  constructor(operations: readonly WriteOperation[], sync: boolean) {
    this.parts = [operations]
    this.sync = sync
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/** Makes the queue in front of a store. */
export function createWriteQueue(store: Store): WriteQueue {
  let waiting: Batch | undefined
  let running: Promise<void> | undefined

  const run = async (): Promise<void> => {
    // Lets everything that the same turn asks for into the first batch.
    await Promise.resolve()
    while (waiting !== undefined) {
      const batch: Batch = waiting
      waiting = undefined
      try {
        // Sublevels are kept as plain stores; a batch wants to know them as what they are.
        const operations = batch.parts.length === 1 ? batch.parts[0] : batch.parts.flat()
        await store.batch(operations as never[], { sync: batch.sync } as object)
        batch.resolve()
      } catch (error) {
        batch.reject(asNbError(error, 'store-failed'))
      }
    }
    running = undefined
  }
  return {
    write: (operations, options) => {
      const sync = options?.sync === true
      if (waiting === undefined) waiting = new Batch(operations, sync)
      else {
        waiting.parts.push(operations)
        waiting.sync ||= sync
      }
      running ??= run()
      return waiting.done
    },
    drained: async () => {
      while (running !== undefined) await running
    },
  }
}
