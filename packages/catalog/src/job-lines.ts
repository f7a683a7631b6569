import type { Clock, ImageRecord, JobLog, JobLogLine, Json, Logger } from '@nb/contracts'

/** The catalog's lines in the logs of the jobs whose images it keeps. */
export class JobLines {
  readonly #log: JobLog | undefined
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(parts: { readonly log: JobLog | undefined; readonly clock: Clock; readonly logger: Logger }) {
    this.#log = parts.log
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /** Writes the line of a step of the backup flow. A log that fails never fails the image. */
  step(
    image: ImageRecord,
    number: number,
    text: string,
    data?: Readonly<Record<string, Json>>,
  ): Promise<void> {
    return this.#write(image, {
      text,
      step: { flow: 'backup', number },
      ...(data === undefined ? {} : { data }),
    })
  }

  /** Writes a line that belongs to no step. */
  info(image: ImageRecord, text: string): Promise<void> {
    return this.#write(image, { text })
  }

  /** The same, where something is not as it should be. */
  warning(image: ImageRecord, text: string): Promise<void> {
    return this.#write(image, { text, severity: 'warning' })
  }

  async #write(
    { jobId }: ImageRecord,
    line: Pick<JobLogLine, 'text' | 'step' | 'data'> & Partial<Pick<JobLogLine, 'severity'>>,
  ): Promise<void> {
    this.#logger('job %s: %s', jobId, line.text)
    const whole = { time: this.#clock.now(), component: 'catalog', severity: 'info' as const, ...line }
    try {
      await this.#log?.append({ jobId, lines: [whole] })
    } catch (error) {
      this.#logger.error('a line of job %s was not written: %o', jobId, error)
    }
  }
}
