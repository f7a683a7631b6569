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

interface Entry {
  readonly operations: readonly WriteOperation[]
  readonly sync: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Makes the queue in front of a store. */
export function createWriteQueue(store: Store): WriteQueue {
  let waiting: Entry[] = []
  let running: Promise<void> | undefined

  const run = async (): Promise<void> => {
    // Lets everything that the same turn asks for into the first batch.
    await Promise.resolve()
    while (waiting.length > 0) {
      const entries = waiting
      waiting = []
      try {
        // Sublevels are kept as plain stores; a batch wants to know them as what they are.
        const operations = entries.flatMap((entry) => entry.operations) as never[]
        const durability: object = { sync: entries.some((entry) => entry.sync) }
        await store.batch(operations, durability)
        for (const entry of entries) entry.resolve()
      } catch (error) {
        for (const entry of entries) entry.reject(asNbError(error, 'store-failed'))
      }
    }
    running = undefined
  }
  return {
    write: (operations, options) =>
      new Promise((resolve, reject) => {
        waiting.push({ operations, sync: options?.sync === true, resolve, reject })
        running ??= run()
      }),
    drained: async () => {
      while (running !== undefined) await running
    },
  }
}
