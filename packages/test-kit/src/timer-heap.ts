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
    timer.place = this.#timers.length
    this.#timers.push(timer)
    this.#rise(timer)
  }

  /** Takes a timer out; nothing happens when it is not in. */
  remove(timer: HeapTimer): void {
    const { place } = timer
    if (place < 0) return
    const last = this.#timers.pop() as HeapTimer
    timer.place = -1
    if (last === timer) return
    last.place = place
    this.#timers[place] = last
    this.#rise(last)
    this.#sink(last)
  }

  #rise(timer: HeapTimer): void {
    while (timer.place > 0) {
      const parent = this.#timers[(timer.place - 1) >> 1] as HeapTimer
      if (!isBefore(timer, parent)) return
      this.#swap(timer, parent)
    }
  }

  #sink(timer: HeapTimer): void {
    for (;;) {
      const left = this.#timers[2 * timer.place + 1]
      const right = this.#timers[2 * timer.place + 2]
      const least = right !== undefined && isBefore(right, left as HeapTimer) ? right : left
      if (least === undefined || !isBefore(least, timer)) return
      this.#swap(least, timer)
    }
  }

  #swap(a: HeapTimer, b: HeapTimer): void {
    const { place } = a
    a.place = b.place
    b.place = place
    this.#timers[a.place] = a
    this.#timers[b.place] = b
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
