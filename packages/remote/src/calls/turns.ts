/**
 * Lets work that takes long be done piece by piece: one piece in a turn of the event loop, so that whatever else has come is seen to between two, and callers
 * in turn, so that one with much of it does not keep the others waiting.
 */
export class Turns {
  /** Whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isTaken = false

  /** Resolves when it is the caller's turn: at once where nothing was done in this turn of the event loop. */
  next(caller: string): Promise<void> {
    return new Promise((resolve) => {
      const row = this.#waiting.get(caller)
      if (row === undefined) this.#waiting.set(caller, [resolve])
      else row.push(resolve)
      if (!this.#isTaken) this.#give()
    })
  }

  #give(): void {
    const [first] = this.#waiting
    this.#isTaken = first !== undefined
    if (first === undefined) return
    const [caller, [begin, ...others]] = first
    // Who has more goes behind the others.
    this.#waiting.delete(caller)
    if (others.length > 0) this.#waiting.set(caller, others)
    begin?.()
    setImmediate(() => this.#give())
  }
}
