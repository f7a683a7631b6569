const nothing = (): void => undefined

/** Runs tasks one after the other, in the order of the calls; a task that fails does not stop the next. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs the task after all earlier ones; gives its result. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task)
    this.#last = result.then(nothing, nothing)
    return result
  }

  /** Resolves when all tasks so far have ended. */
  async settled(): Promise<void> {
    await this.#last
  }
}
