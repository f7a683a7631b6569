import type { ReaderCheckpoint } from '@nb/contracts'
import type { TransferWarning } from './warning.ts'
import type { WorkerMessage, WorkerProgress } from './worker-messages.ts'

const PROGRESS_MS = 200

/**
 * Sends progress and warnings to the main thread, both at most five times a second, so that a thread that works
 * through a hundred thousand entries is not held up by telling of them.
 */
export class WorkerReporter {
  readonly #post: (message: WorkerMessage<never>) => void
  readonly #now: () => number
  #lastAt: number
  #waiting: TransferWarning[] = []
  #progress: (() => WorkerProgress) | undefined
  /** Warnings so far, notes not counted. */
  warnings = 0

  constructor(post: (message: WorkerMessage<never>) => void, now: () => number) {
    this.#post = post
    this.#now = now
    this.#lastAt = now()
  }

  warn(warning: TransferWarning): void {
    if (warning.severity === 'warning') this.warnings++
    this.#waiting.push(warning)
  }

  /** Called often; sends when it is time. */
  tick(progress: () => WorkerProgress): void {
    this.#progress = progress
    const now = this.#now()
    if (now - this.#lastAt < PROGRESS_MS && this.#waiting.length < 1000) return
    this.#lastAt = now
    this.#send()
  }

  /** Tells of a checkpoint, after all that was before it. */
  checkpoint(checkpoint: ReaderCheckpoint): void {
    this.#send()
    this.#post({ kind: 'checkpoint', checkpoint })
  }

  /** An extractor has enough to do for a writer behind it. */
  wantWriter(): void {
    this.#post({ kind: 'writer-wanted' })
  }

  /** Sends where the work ended. */
  finish(): void {
    this.#send()
    this.#progress = undefined
  }

  #send(): void {
    if (this.#progress !== undefined) this.#post({ kind: 'progress', progress: this.#progress() })
    if (this.#waiting.length === 0) return
    this.#post({ kind: 'warnings', warnings: this.#waiting })
    this.#waiting = []
  }
}
