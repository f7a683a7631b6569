import {
  displayPath,
  pathFromBytes,
  type Clock,
  type JobLog,
  type JobLogLine,
  type Logger,
} from '@nb/contracts'
import type { TransferWarning } from './warning.ts'

/** Writes a run's warnings into its job's log, in order, and a bounded number of them. */
export class JobLines {
  readonly #log: JobLog
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #jobId: string
  readonly #limit: number
  #tail: Promise<void> = Promise.resolve()
  #listed = 0
  #left = 0

  constructor(
    parts: { readonly log: JobLog; readonly logger: Logger; readonly clock: Clock },
    run: { readonly jobId: string; readonly limit: number },
  ) {
    this.#log = parts.log
    this.#logger = parts.logger
    this.#clock = parts.clock
    this.#jobId = run.jobId
    this.#limit = run.limit
  }

  warnings(warnings: readonly TransferWarning[]): void {
    const lines: JobLogLine[] = []
    for (const warning of warnings) {
      if (this.#listed >= this.#limit) this.#left++
      else {
        this.#listed++
        lines.push(this.#line(warning))
      }
    }
    this.#append(lines)
  }

  info(text: string): void {
    this.line('info', text)
  }

  /** Writes a line that no bound leaves out. */
  line(severity: JobLogLine['severity'], text: string): void {
    this.#append([{ time: this.#clock.now(), component: 'client-agent', severity, text }])
  }

  /** Resolves when all lines are with the log. */
  async finish(): Promise<void> {
    if (this.#left > 0) this.info(`${this.#left} more warnings and notes are not listed`)
    this.#left = 0
    await this.#tail
  }

  #line({ severity, path, code, text }: TransferWarning): JobLogLine {
    const own = pathFromBytes(path)
    return {
      time: this.#clock.now(),
      component: 'client-agent',
      severity: severity === 'note' ? 'info' : 'warning',
      text: `${displayPath(own)}: ${text}`,
      data: { path: own, code },
    }
  }

  #append(lines: readonly JobLogLine[]): void {
    if (lines.length === 0) return
    const append = (): Promise<void> =>
      this.#log.append({ jobId: this.#jobId, lines }).catch((error: unknown) => {
        this.#logger.error('lines of job %s could not be written: %o', this.#jobId, error)
      })
    this.#tail = this.#tail.then(append)
  }
}
