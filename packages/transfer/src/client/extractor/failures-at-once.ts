import type { WriteFailure } from './write-behind.ts'

/** What failed of files that were written at once. */
export class FailuresAtOnce {
  #found: WriteFailure[] = []

  add(failure: WriteFailure): void {
    this.#found.push(failure)
  }

  takeFailures(): readonly WriteFailure[] {
    if (this.#found.length === 0) return this.#found
    const found = this.#found
    this.#found = []
    return found
  }
}
