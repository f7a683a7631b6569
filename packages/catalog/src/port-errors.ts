import { asNbError } from '@nb/contracts'

const systemError = /^E[A-Z0-9]+$/

/** What the disk refused, as `disk-full` or `store-failed`; every other error as it is. */
export function portError(error: unknown): unknown {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' && systemError.test(code) ? asNbError(error, 'store-failed') : error
}

/** Runs a call of the port. */
export async function answering<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw portError(error)
  }
}

/** Items of a call of the port; it begins when the first is asked for. */
export function items<Item>(begin: () => AsyncIterable<Item>): AsyncIterable<Item> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = begin()[Symbol.asyncIterator]()
      return {
        next: () => answering(() => inner.next()),
        return: async () => (await inner.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}
