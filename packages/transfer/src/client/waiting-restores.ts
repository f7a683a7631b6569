import type { Clock } from '@nb/contracts'
import type { ExtractionState } from './extractor/extraction-state.ts'

interface WaitingRestore {
  readonly state: ExtractionState
  readonly cancel: () => void
}

/** What one group of a restore leaves to the next, for a while. */
export class WaitingRestores {
  readonly #clock: Clock
  readonly #keepMs: number
  readonly #waiting = new Map<string, WaitingRestore>()

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock
    this.#keepMs = keepMs
  }

  keep(restoreId: string, state: ExtractionState): void {
    const cancel = this.#clock.setTimer(this.#keepMs, () => {
      this.#waiting.delete(restoreId)
    })
    this.#waiting.set(restoreId, { state, cancel })
  }

  /** What is kept of a restore, and from now on is not kept any more. */
  take(restoreId: string): ExtractionState | undefined {
    const restore = this.#waiting.get(restoreId)
    restore?.cancel()
    this.#waiting.delete(restoreId)
    return restore?.state
  }

  clear(): void {
    for (const { cancel } of this.#waiting.values()) cancel()
    this.#waiting.clear()
  }
}
