import { countLines } from './job-lines.ts'
import { isJobId, jobKey } from './store-keys.ts'
import type { JobSublevels } from './sublevels.ts'
import type { WriteQueue } from './write-queue.ts'

/** How many lines a log has. */
export interface LineCounter {
  lines: number
}

/** How many are remembered. */
const most = 1000

/** The line counts of jobs that are final and still get lines, such as the scheduler's last. */
export class LineCounters {
  readonly #levels: JobSublevels
  readonly #queue: WriteQueue
  readonly #counters = new Map<string, Promise<LineCounter | undefined>>()

  constructor(levels: JobSublevels, queue: WriteQueue) {
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
    if (this.#counters.size <= most) return
    const oldest = this.#counters.keys().next().value
    if (oldest !== undefined) this.#counters.delete(oldest)
  }

  delete(jobId: string): void {
    this.#counters.delete(jobId)
  }

  clear(): void {
    this.#counters.clear()
  }
}
