import type { Clock, OpenFile } from '@nb/contracts'

/** A longer read is left to the thread pool. */
const shortBytes = 128 * 1024
/** How long lookups may read one after the other before all else has its turn. */
const turnMs = 2
/** A read that takes so long went to a disk; then so many go by way of the thread pool, where they wait together. */
const slowMs = 2
const pooledAfterSlow = 16

/**
 * Reads for lookups. What they read is mostly in the system's memory, from where it is had in a few microseconds, while the thread
 * pool takes ten times that; so short reads are done at once, on this thread. Whatever else there is to do waits no longer than
 * `turnMs` and one read, if callers ask {@link giveWay} before each. Reads after one that was slow go by way of the pool.
 */
export class ReadPace {
  readonly #clock: Clock
  #turnBegan = 0
  #turn: Promise<void> | undefined
  #pooled = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What to wait for before reading on, so that all else has its turn; `undefined` for nothing. */
  giveWay(): Promise<void> | undefined {
    // A clock that was set back begins a turn too.
    if (this.#turn === undefined && Math.abs(this.#clock.now() - this.#turnBegan) >= turnMs)
      this.#turn = new Promise((resolve) =>
        setImmediate(() => {
          this.#turn = undefined
          this.#turnBegan = this.#clock.now()
          resolve()
        }),
      )
    return this.#turn
  }

  /** Fills `target` at once and gives the bytes read, or `undefined` where that has to be waited for. */
  now(file: OpenFile, target: Uint8Array, position: number): number | undefined {
    if (file.readNow === undefined || target.length > shortBytes) return undefined
    if (this.#pooled > 0) {
      this.#pooled -= 1
      return undefined
    }
    const begun = this.#clock.now()
    const count = file.readNow(target, position)
    if (this.#clock.now() - begun >= slowMs) this.#pooled = pooledAfterSlow
    return count
  }

  /** Fills `target` and gives the bytes read. */
  async read(file: OpenFile, target: Uint8Array, position: number): Promise<number> {
    await this.giveWay()
    return this.now(file, target, position) ?? file.read(target, position)
  }
}
