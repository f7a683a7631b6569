import { orAborted } from '../channels/deferred.ts'

/** The most items that travel together. */
const mostItems = 64

/**
 * Takes the items of a stream in batches: the first is waited for, others join it if they are there before the event
 * loop turns, so that a fast stream costs one message for many items and a slow one loses no time.
 */
export class Batches {
  readonly #iterator: AsyncIterator<unknown>
  #asked: Promise<IteratorResult<unknown>> | undefined
  #over = false

  constructor(items: AsyncIterable<unknown>) {
    this.#iterator = items[Symbol.asyncIterator]()
  }

  /** The next items, at least one; `undefined` when there are no more. Rejects as the stream does, or as the signal says. */
  async next(signal: AbortSignal | undefined): Promise<readonly unknown[] | undefined> {
    signal?.throwIfAborted()
    if (this.#over) return undefined
    const first = await orAborted(this.#ask(), signal, () => {})
    this.#take(first)
    if (first.done === true) return undefined
    const batch: unknown[] = [first.value]
    await this.#fill(batch)
    return batch
  }

  /** Lets the stream go, if it has not ended by itself. Does not wait for it. */
  leave(onError: (error: unknown) => void): void {
    if (this.#over) return
    this.#over = true
    this.#iterator.return?.().catch(onError)
  }

  async #fill(batch: unknown[]): Promise<void> {
    const turn = new Promise<undefined>((resolve) => setImmediate(resolve, undefined))
    while (batch.length < mostItems) {
      // A failure is kept for the next batch, so that what came before it still arrives.
      const asked = this.#ask()
      const next = await Promise.race([asked.catch(() => undefined), turn])
      if (next === undefined) return
      this.#take(next)
      if (next.done === true) return
      batch.push(next.value)
    }
  }

  #ask(): Promise<IteratorResult<unknown>> {
    if (this.#asked === undefined) {
      this.#asked = this.#iterator.next()
      this.#asked.catch(() => {})
    }
    return this.#asked
  }

  #take({ done }: IteratorResult<unknown>): void {
    this.#asked = undefined
    if (done === true) this.#over = true
  }
}
