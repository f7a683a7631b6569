import { type CallOptions, type NbError, throwIfAborted } from '@nb/contracts'
import { channelBroken, misused } from './channel-errors.ts'
import { createDeferred, type Deferred, orAborted } from './deferred.ts'

/** A chunk the writer offers and the reader has not taken. */
interface Offer {
  readonly chunk: Uint8Array
  readonly done: Deferred<void>
}

/**
 * One direction of a channel inside one process, without a copy and without a buffer: `read` gives the writer's
 * very chunk, and the `write` of that chunk resolves when the reader asks for the next one and so has let go.
 *
 * At any moment at most one of these is set: an offer (the writer is ahead), a want (the reader is ahead),
 * and independently the chunk lent to the reader. Ended and failed are for good.
 */
export class Pipe {
  #offer: Offer | undefined
  #lent: Deferred<void> | undefined
  #want: Deferred<Uint8Array | undefined> | undefined
  #ended = false
  #failure: NbError | undefined

  /** Whether the writer has ended and everything was handed over. */
  get finished(): boolean {
    return this.#ended && this.#offer === undefined && this.#lent === undefined
  }

  async write(chunk: Uint8Array, onAbort: () => void, options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ended) throw misused('was written to after its end')
    if (this.#offer !== undefined || this.#lent !== undefined) throw misused('takes one write at a time')
    if (chunk.length === 0) return
    const done = createDeferred<void>()
    if (this.#want === undefined) {
      this.#offer = { chunk, done }
    } else {
      this.#lent = done
      this.#want.resolve(chunk)
      this.#want = undefined
    }
    await orAborted(done.promise, options?.signal, onAbort)
  }

  async read(options?: CallOptions): Promise<Uint8Array | undefined> {
    throwIfAborted(options)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#want !== undefined) throw misused('takes one read at a time')
    this.#giveBack()
    const offer = this.#offer
    if (offer !== undefined) {
      this.#offer = undefined
      this.#lent = offer.done
      return offer.chunk
    }
    if (this.#ended) return undefined
    const want = createDeferred<Uint8Array | undefined>()
    this.#want = want
    return orAborted(want.promise, options?.signal, () => {
      if (this.#want === want) this.#want = undefined
    })
  }

  async end(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#ended = true
    this.#want?.resolve(undefined)
    this.#want = undefined
    await (this.#offer?.done ?? this.#lent)?.promise
  }

  /** Every call, those that wait and those to come, fails. The first failure stays. */
  fail(reason: string): void {
    if (this.#failure !== undefined) return
    const failure = channelBroken(reason)
    this.#failure = failure
    this.#offer?.done.reject(failure)
    this.#lent?.reject(failure)
    this.#want?.reject(failure)
    this.#offer = this.#lent = this.#want = undefined
  }

  #giveBack(): void {
    this.#lent?.resolve()
    this.#lent = undefined
  }
}
