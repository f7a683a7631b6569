/**
 * The jobs that hold one medium and wait for another, in the order in which they began to want both. The first of them keeps what it holds while the
 * others give theirs back, so that several which hold what the others wait for do not all step back at once, and again with their next wait.
 */
export class HoldAndWait {
  readonly #waiting = new Set<number>()
  #wanted = 0

  /** The place of a job that begins to want two media. It has the same one until it has both. */
  nextPlace(): number {
    this.#wanted += 1
    return this.#wanted
  }

  /** Counts a job among them for as long as the wait lasts. */
  async during<Result>(place: number, wait: Promise<Result>): Promise<Result> {
    this.#waiting.add(place)
    try {
      return await wait
    } finally {
      this.#waiting.delete(place)
    }
  }

  /** Whether others wait so, and none of them has wanted both for longer. */
  isFirst(place: number): boolean {
    for (const other of this.#waiting) if (other < place) return false
    return this.#waiting.size > 1
  }
}
