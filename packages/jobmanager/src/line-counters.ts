import { countLines } from './job-lines.ts'
import { Remembered } from './remembered.ts'
import { isJobId, jobKey } from './store-keys.ts'
import type { JobSublevels } from './sublevels.ts'
import type { WriteQueue } from './write-queue.ts'

/** How many lines a log has. */
export interface LineCounter {
  lines: number
}

/** The line counts of jobs that are final and still get lines, such as the scheduler's last. */
export class LineCounters {
  readonly #levels: JobSublevels
  readonly #queue: WriteQueue
  readonly #counters: Remembered<Promise<LineCounter | undefined>>

  /** Remembers at least so many. */
  constructor(levels: JobSublevels, queue: WriteQueue, least: number) {
    this.#counters = new Remembered(least)
    this.#levels = levels
    this.#queue = queue
  }

  /** The counter of a job that is final; `undefined` when there is no such job. */
  of(jobId: string): Promise<LineCounter | undefined> {
    const known = this.#counters.get(jobId)
    if (known !== undefined) return known
    const loaded = this.#queue.drained().then(async () => {
      if (!isJobId(jobId) || (await this.#levels.jobs.get(jobKey(jobId))) === undefined) return undefined
      return { lines: await countLines(this.#levels.lines, jobId) }
    })
    this.#counters.set(jobId, loaded)
    const forget = (): void => this.delete(jobId)
    loaded.then((counter) => (counter === undefined ? forget() : undefined), forget)
    return loaded
  }

  /** Keeps the counts of the jobs that ended last; older ones are counted again when they get a line. */
  remember(jobId: string, lines: number): void {
    this.#counters.set(jobId, Promise.resolve({ lines }))
  }

  delete(jobId: string): void {
    this.#counters.delete(jobId)
  }

  clear(): void {
    this.#counters.clear()
  }
}
