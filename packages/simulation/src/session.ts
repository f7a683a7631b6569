import type { NbError } from '@nb/contracts'
import { type MediaAnswer, type MediaNeed, type SessionInfo, type SessionReport } from '@nb/contracts'

/** A session of a simulated media server while it lives, and its report after. */
export class Session {
  readonly info: SessionInfo
  readonly need: MediaNeed
  /** The report, once the job manager has it or could not be told. */
  readonly told: Promise<SessionReport>
  /** Resolves when nothing of it runs any more. */
  readonly ended: Promise<void>
  #end: () => void = () => undefined
  #tell: (report: SessionReport) => void = () => undefined
  readonly #answers = new Map<string, (answer: MediaAnswer) => void>()
  #failure: NbError | undefined
  /** Rejects of what is waited for. */
  readonly #waits = new Set<(reason: NbError) => void>()

  constructor(info: SessionInfo, need: MediaNeed) {
    this.info = info
    this.need = need
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.told = new Promise((resolve) => (this.#tell = resolve))
  }

  /** Ends what it does with this reason; the first one stays. */
  fail(reason: NbError): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    for (const reject of this.#waits) reject(reason)
  }

  /** Waits for something unless the session is ended. */
  unlessEnded<T>(what: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waits.add(reject)
      what.then(
        (value) => {
          this.#waits.delete(reject)
          resolve(value)
        },
        (error: Error) => {
          this.#waits.delete(reject)
          reject(error)
        },
      )
      if (this.#failure !== undefined) reject(this.#failure)
    })
  }

  /** The answer to a media request. */
  answerTo(requestId: string): Promise<MediaAnswer> {
    return new Promise((resolve) => this.#answers.set(requestId, resolve))
  }

  /** Gives an answer. */
  answer(requestId: string, answer: MediaAnswer): void {
    this.#answers.get(requestId)?.(answer)
  }

  /** Nothing of it runs any more. */
  end(): void {
    this.#end()
  }

  /** It has ended and was reported. */
  report(report: SessionReport): void {
    this.#tell(report)
  }
}
