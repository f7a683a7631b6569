import type { MediaAnswer, MediaNeed, NbError, SessionInfo, SessionReport } from '@nb/contracts'

/** A media request that has or will have an answer. */
interface Question {
  readonly requestId: string
  readonly answer: (answer: MediaAnswer) => void
  readonly breakOff: (reason: NbError) => void
}

/** A session of a simulated media server while it lives, and its report after. */
export class Session {
  readonly info: SessionInfo
  readonly need: MediaNeed
  readonly #questions: Question[] = []
  #failure: NbError | undefined
  /** Breaks off what is waited for, one thing at a time beside answers; nothing happens when that is over. */
  #breakOff: ((reason: NbError) => void) | undefined
  #isOver = false
  #report: SessionReport | undefined
  // Few sessions have somebody who waits for them.
  #onEnd: (() => void)[] | undefined
  #onReport: ((report: SessionReport) => void)[] | undefined

  constructor(info: SessionInfo, need: MediaNeed) {
    this.info = info
    this.need = need
  }

  /** Whether something of it runs. */
  get lives(): boolean {
    return !this.#isOver
  }

  /** Resolves when nothing of it runs any more. */
  ended(): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => (this.#onEnd ??= []).push(resolve))
  }

  /** Resolves with the report, once the job manager has it or could not be told. */
  told(): Promise<SessionReport> {
    if (this.#report !== undefined) return Promise.resolve(this.#report)
    return new Promise((resolve) => (this.#onReport ??= []).push(resolve))
  }

  /** Ends what it does with this reason; the first one stays. */
  fail(reason: NbError): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    this.#breakOff?.(reason)
    for (const { breakOff } of this.#questions) breakOff(reason)
  }

  /** Waits for something that can be broken off, which happens when the session is ended. */
  whileItLives<T>(what: Promise<T>, breakOff: (reason: NbError) => void): Promise<T> {
    this.#breakOff = breakOff
    if (this.#failure !== undefined) breakOff(this.#failure)
    return what
  }

  /** Waits for something that goes on by itself, unless the session is ended. */
  unlessEnded<T>(what: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.whileItLives(what, reject).then(resolve, reject)
    })
  }

  /** The answer to a media request; rejects when the session is ended. */
  answerTo(requestId: string): Promise<MediaAnswer> {
    return new Promise((answer, breakOff) => {
      this.#questions.push({ requestId, answer, breakOff })
      if (this.#failure !== undefined) breakOff(this.#failure)
    })
  }

  /** Gives an answer. */
  answer(requestId: string, answer: MediaAnswer): void {
    this.#questions.find((question) => question.requestId === requestId)?.answer(answer)
  }

  /** Nothing of it runs any more. */
  end(): void {
    this.#isOver = true
    for (const resolve of this.#onEnd ?? []) resolve()
  }

  /** It has ended and was reported. */
  report(report: SessionReport): void {
    this.#report = report
    for (const resolve of this.#onReport ?? []) resolve(report)
  }
}
