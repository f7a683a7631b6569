/** Runs one piece of work after the other, in the order asked for; a failed one does not stop the next. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves or rejects as `work` does. */
  run<Value>(work: () => Promise<Value>): Promise<Value> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return mine
  }
}
