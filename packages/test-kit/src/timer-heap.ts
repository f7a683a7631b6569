/** A timer that waits. */
export interface HeapTimer {
  readonly at: number
  readonly order: number
  readonly action: () => void
  /** Where it stands in the heap; -1 when it does not. */
  place: number
}

/** Timers, soonest first; of one moment, in the order of their making. Adding and removing cost the logarithm of their number. */
export class TimerHeap {
  readonly #timers: HeapTimer[] = []
  /** Their times, side by side: on its way a timer looks at few others themselves. */
  readonly #times: number[] = []

  /** Timers that wait. */
  get size(): number {
    return this.#timers.length
  }

  /** The soonest. */
  get first(): HeapTimer | undefined {
    return this.#timers[0]
  }

  /** Adds a timer. */
  add(timer: HeapTimer): void {
    this.#timers.push(timer)
    this.#times.push(timer.at)
    this.#rise(timer, this.#timers.length - 1)
  }

  /** Takes a timer out; nothing happens when it is not in. */
  remove(timer: HeapTimer): void {
    const { place } = timer
    if (place < 0) return
    timer.place = -1
    const last = this.#timers.pop() as HeapTimer
    this.#times.pop()
    if (last !== timer) this.#rise(last, this.#sink(place))
  }

  /** Finds the place of a timer from here upwards. */
  #rise(timer: HeapTimer, from: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      const at = this.#times[parent] as number
      if (timer.at > at || (timer.at === at && timer.order > (this.#timers[parent] as HeapTimer).order)) break
      this.#move(parent, place)
      place = parent
    }
    this.#timers[place] = timer
    this.#times[place] = timer.at
    timer.place = place
  }

  /** Closes a gap with the soonest below it, and so on; answers where the gap is then, at the bottom. */
  #sink(from: number): number {
    const { length } = this.#timers
    let gap = from
    for (;;) {
      const left = 2 * gap + 1
      if (left >= length) return gap
      const right = left + 1
      const least = right < length && this.#isBefore(right, left) ? right : left
      this.#move(least, gap)
      gap = least
    }
  }

  #move(from: number, to: number): void {
    const timer = this.#timers[from] as HeapTimer
    this.#timers[to] = timer
    this.#times[to] = timer.at
    timer.place = to
  }

  #isBefore(one: number, other: number): boolean {
    const difference = (this.#times[one] as number) - (this.#times[other] as number)
    if (difference !== 0) return difference < 0
    return (this.#timers[one] as HeapTimer).order < (this.#timers[other] as HeapTimer).order
  }
}
