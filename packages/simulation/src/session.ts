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
  readonly #failed: Promise<never>
  #fail: (reason: NbError) => void = () => undefined

  constructor(info: SessionInfo, need: MediaNeed) {
    this.info = info
    this.need = need
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.told = new Promise((resolve) => (this.#tell = resolve))
    this.#failed = new Promise<never>((_resolve, reject) => (this.#fail = reject))
    this.#failed.catch(() => undefined)
  }

  /** Ends what it does with this reason; the first one stays. */
  fail(reason: NbError): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    this.#fail(reason)
  }

  /** Waits for something unless the session is ended. */
  async unlessEnded<T>(what: Promise<T>): Promise<T> {
    if (this.#failure !== undefined) {
      what.catch(() => undefined)
      throw this.#failure
    }
    return Promise.race([what, this.#failed])
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
