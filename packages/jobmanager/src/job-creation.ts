import { type Clock, type JobLogLine, NbError } from '@nb/contracts'
import type { Damage } from './damage.ts'
import { Entry } from './job-entries.ts'
import { lineWrites, noLines } from './job-lines.ts'
import type { JobRecord } from './job-record.ts'
import type { Created } from './job-store.ts'
import { type NewJob, createRecords } from './new-records.ts'
import { isJobId } from './store-keys.ts'
import { createdLine } from './store-lines.ts'
import { corrupt, storedJob } from './stored-record.ts'
import type { JobSublevels } from './sublevels.ts'
import { type WriteOperation, type WriteQueue, durable } from './write-queue.ts'

/** What the creation of jobs works with. */
export interface CreationParts {
  readonly levels: JobSublevels
  readonly queue: WriteQueue
  readonly clock: Clock
  readonly damage: Damage
  readonly keepsLines: boolean
  /** The record of any job. */
  readonly find: (jobId: string) => Promise<JobRecord | undefined>
  /** Is told of the jobs of one request when they are durable: a parent and its parts after it, or one job. */
  readonly created: (made: readonly NewEntry[]) => void
}

/** A job that has just been written down. */
export interface NewEntry {
  readonly entry: Entry
  readonly lines: readonly JobLogLine[]
}

/** Puts jobs on the list: each request once, however often and at once it is asked. */
export class JobCreation {
  /** The last number that was given to a job. */
  lastId = 0
  readonly #parts: CreationParts
  readonly #under = new Map<string, Promise<Created>>()

  constructor(parts: CreationParts) {
    this.#parts = parts
  }

  /** See `JobStore.create`. */
  create(input: NewJob): Promise<Created> {
    const { requestId } = input.request
    const under = this.#under.get(requestId)
    if (under !== undefined) return under.then((made) => ({ ...made, created: false }))
    const made = this.#create(input)
    this.#under.set(requestId, made)
    return made
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#under.values())
  }

  async #create(input: NewJob): Promise<Created> {
    const { levels, queue, created } = this.#parts
    const { requestId } = input.request
    try {
      const known = (await levels.requests.get(requestId)) as string | undefined
      const before = known === undefined ? undefined : await this.#createdBefore(input, known)
      if (before !== undefined) return before
      const operations: WriteOperation[] = []
      const made = this.#write(operations, input)
      await queue.write(operations, durable)
      created(made)
      const { id, children } = (made[0] as NewEntry).entry.current
      return children === undefined ? { jobId: id, created: true } : { jobId: id, created: true, children }
    } finally {
      this.#under.delete(requestId)
    }
  }

  /** The jobs of a new request, and what writes them. */
  #write(operations: WriteOperation[], input: NewJob): readonly NewEntry[] {
    const { clock, keepsLines, levels } = this.#parts
    const { requestId, lines: first } = input.request
    const records = createRecords(input, () => String(++this.lastId), clock.now())
    operations.push(
      { type: 'put', sublevel: levels.meta, key: 'lastId', value: String(this.lastId) },
      { type: 'put', sublevel: levels.requests, key: requestId, value: records[0].id },
    )
    return records.map((each) => {
      const given = each.parentId === undefined ? first : noLines
      const lines = keepsLines ? [...given, createdLine(each)] : noLines
      const entry = new Entry(each, lines.length)
      const { key } = entry
      const { record, spec } = storedJob(each)
      operations.push(
        { type: 'put', sublevel: levels.jobs, key, value: record, valueEncoding: 'json' },
        { type: 'put', sublevel: levels.specs, key, value: spec, valueEncoding: 'json' },
      )
      if (lines.length > 0) operations.push(...lineWrites(levels.lines, each.id, 0, lines))
      return { entry, lines }
    })
  }

  /** The answer to a request whose job there is already. */
  async #createdBefore({ request }: NewJob, jobId: string): Promise<Created | undefined> {
    const { requestId, type: asked } = request
    if (!isJobId(jobId)) throw this.#parts.damage.note(corrupt(requestId, 'it does not name a job'))
    const known = await this.#parts.find(jobId)
    if (known === undefined) return undefined
    const { type, children } = known
    if (type === asked) return { jobId, created: false, ...(children === undefined ? {} : { children }) }
    throw new NbError('request-duplicate', `request ${requestId} is the ${type} job ${jobId} already`, {
      details: { jobId, requestId },
    })
  }
}
