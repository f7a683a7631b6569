/** Decides when a reader stands still: by the time it has read since it last did, and only when something has come. */
export class CheckpointSchedule {
  readonly #intervalMs: number
  readonly #now: () => number
  #begunAt: number
  #entries: number

  /**
   * @param intervalMs - milliseconds of reading between checkpoints, 0 or more
   * @param now - milliseconds, by the reader's clock
   * @param entries - entries of the list so far
   */
  constructor(intervalMs: number, now: () => number, entries: number) {
    this.#intervalMs = intervalMs
    this.#now = now
    this.#begunAt = now()
    this.#entries = entries
  }

  isDue(entries: number): boolean {
    return entries > this.#entries && this.#now() - this.#begunAt >= this.#intervalMs
  }

  /** The reader goes on. */
  goOn(entries: number): void {
    this.#entries = entries
    this.#begunAt = this.#now()
  }
}
