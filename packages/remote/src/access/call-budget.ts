import type { Clock } from '@nb/contracts'

const windowMs = 60_000

/**
 * How much is done or noted for a caller: so many a minute, so that whoever calls in a loop fills no disk. Callers without a
 * name share one budget.
 */
export class CallBudget {
  readonly #clock: Clock
  readonly #perMinute: number
  #since = 0
  #spent = new Map<string, number>()

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
  }

  /** Whether there is one more, or so many; the last that there is any for may be larger than what is left. */
  spend(caller: string | undefined, amount = 1): boolean {
    const now = this.#clock.now()
    if (now >= this.#since + windowMs || now < this.#since) {
      this.#since = now
      this.#spent = new Map()
    }
    // No name of ours is empty.
    const key = caller ?? ''
    const spent = this.#spent.get(key) ?? 0
    this.#spent.set(key, spent + amount)
    return spent < this.#perMinute
  }
}
