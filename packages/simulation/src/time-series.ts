/** The step of all series, milliseconds: one hour. */
export const seriesStepMs = 3_600_000

/** An amount over time, summed by the hour. */
export class TimeSeries {
  readonly #from: number
  readonly #sums: number[] = []

  constructor(from: number) {
    this.#from = from
  }

  /** Adds an amount that came evenly between two moments. */
  add(begin: number, end: number, amount: number): void {
    if (end <= begin || amount === 0) return
    let at = begin
    while (at < end) {
      const step = Math.floor((at - this.#from) / seriesStepMs)
      const until = Math.min(end, this.#from + (step + 1) * seriesStepMs)
      while (this.#sums.length <= step) this.#sums.push(0)
      this.#sums[step] = (this.#sums[step] as number) + (amount * (until - at)) / (end - begin)
      at = until
    }
  }

  /** One sum per hour until then, also of an hour that has begun. */
  until(until: number): number[] {
    const length = Math.max(0, Math.ceil((until - this.#from) / seriesStepMs))
    return Array.from({ length }, (_, step) => this.#sums[step] ?? 0)
  }
}
