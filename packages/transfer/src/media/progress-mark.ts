import { orAborted } from './or-aborted.ts'

/** A count that rises, and that can be waited for. */
export class ProgressMark {
  #at: number
  #waiting: { readonly goal: number; readonly resolve: () => void }[] = []

  constructor(at: number) {
    this.#at = at
  }

  /** Where it is. */
  get at(): number {
    return this.#at
  }

  /** It has come to here. */
  reach(at: number): void {
    this.#at = at
    if (this.#waiting.length === 0) return
    const arrived = this.#waiting.filter(({ goal }) => goal <= at)
    this.#waiting = this.#waiting.filter(({ goal }) => goal > at)
    for (const { resolve } of arrived) resolve()
  }

  /** Waits until it has come to `goal`. Rejects with the reason of the signal. */
  async reached(goal: number, signal: AbortSignal): Promise<void> {
    if (this.#at >= goal) return
    await orAborted(new Promise<void>((resolve) => this.#waiting.push({ goal, resolve })), signal)
  }
}
