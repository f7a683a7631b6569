import type { Clock } from '@nb/contracts'

const windowMs = 60_000

/**
 * How many refusals of a caller are noted: so many a minute, so that whoever is refused in a loop fills no disk. Callers without a
 * certificate share one budget.
 */
export class RefusalBudget {
  readonly #clock: Clock
  readonly #perMinute: number
  #since = 0
  #spent = new Map<string, number>()

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
  }

  /** Whether one more is noted. */
  spend(caller: string | undefined): boolean {
    const now = this.#clock.now()
    if (now >= this.#since + windowMs || now < this.#since) {
      this.#since = now
      this.#spent = new Map()
    }
    // No name of ours is empty.
    const key = caller ?? ''
    const spent = this.#spent.get(key) ?? 0
    this.#spent.set(key, spent + 1)
    return spent < this.#perMinute
  }
}
