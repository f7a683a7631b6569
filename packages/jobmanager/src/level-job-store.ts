import {
  type Clock,
  type Emitter,
  type Job,
  type JobFilter,
  type JobLogLine,
  type Logger,
  NbError,
  asNbError,
  createEmitter,
  debugLogger,
} from '@nb/contracts'
import { type NumberedLine, countLines, hasLines, lineWrites, noLines, readLines } from './job-lines.ts'
import { Entry, JobEntries } from './job-entries.ts'
import type { JobRecord } from './job-record.ts'
import type {
  Created,
  JobStore,
  JobStoreComponents,
  JobStoreEvents,
  JobStoreOptions,
  KeptJob,
  NewJob,
} from './job-store.ts'
import { type LineCounter, LineCounters } from './line-counters.ts'
import { chosenJobs } from './job-queries.ts'
import { type LiveFacts, toJob } from './job-view.ts'
import { createRecords } from './new-records.ts'
import { parentChange } from './parent-change.ts'
import { insisting } from './patience.ts'
import { Remembered } from './remembered.ts'
import { mergeProgress } from './progress.ts'
import { jobsToPurge, removeJobs } from './purge-jobs.ts'
import { Damage } from './damage.ts'
import { StoredRecord, corrupt, parseRecord, storedJob } from './stored-record.ts'
import { createdLine, endedLine } from './store-lines.ts'
import { isJobId, jobIdOfKey, jobKey } from './store-keys.ts'
import { type JobSublevels, openSublevels } from './sublevels.ts'
import { type JobChange, applyChange, isInsisted, isReportable } from './transitions.ts'
import { type WriteOperation, type WriteQueue, createWriteQueue, durable, soon } from './write-queue.ts'

const dayMs = 86_400_000
/** How many of the jobs that ended last are known without the store, a kilobyte each: they are listed and asked for most. */
const recentJobs = 5000
/** How many jobs are looked at at once when old ones are purged. */
const jobsAtOnce = 100

/** Makes the jobs database. It comes first in a composition, because every component gets it as its `JobLog`. */
export function createJobStore(components: JobStoreComponents, options: JobStoreOptions = {}): JobStore {
  const keepJobsMs = options.keepJobsMs ?? 30 * dayMs
  if (!(keepJobsMs >= 3_600_000)) throw new TypeError('keepJobsMs must be at least 3600000')
  return new LevelJobStore(components, keepJobsMs, options.keepsLines ?? true)
}

/**
 * The jobs database on a Level store: a record, what was asked for, a log and a request id per job, and one counter.
 * A change of a job writes its record and its new lines, whatever else there is.
 */
class LevelJobStore implements JobStore {
  readonly keepsLines: boolean
  readonly #clock: Clock
  readonly #log: Logger
  readonly #keepJobsMs: number
  readonly #levels: JobSublevels
  readonly #queue: WriteQueue
  readonly #events: Emitter<JobStoreEvents>
  readonly #entries = new JobEntries()
  readonly #counters: LineCounters
  /** The records of jobs that ended last. */
  readonly #recent = new Remembered<JobRecord>(recentJobs)
  readonly #creating = new Map<string, Promise<Created>>()
  readonly #damage: Damage
  #lastId = 0
  /** Whether logs are looked for when jobs are removed: also those of a time when lines were kept. */
  #hasLines = true
  #started: Promise<void> | undefined
  #stopping = new AbortController()

  constructor(
    { store, clock, log = debugLogger('nb:jobmanager:store') }: JobStoreComponents,
    keepJobsMs: number,
    keepsLines: boolean,
  ) {
    this.keepsLines = keepsLines
    this.#clock = clock
    this.#log = log
    this.#keepJobsMs = keepJobsMs
    this.#levels = openSublevels(store)
    this.#queue = createWriteQueue(store)
    this.#counters = new LineCounters(this.#levels, this.#queue, recentJobs)
    this.#events = createEmitter(log)
    this.#damage = new Damage((key, message) => {
      log.error('%s', message)
      this.#events.emit('store:corrupt', { key, message })
    })
  }

  on: JobStore['on'] = (name, listener) => this.#events.on(name, listener)
  once: JobStore['once'] = (name, listener) => this.#events.once(name, listener)
  off: JobStore['off'] = (name, listener) => this.#events.off(name, listener)

  get damage(): readonly NbError[] {
    return this.#damage.found
  }

  start(): Promise<void> {
    this.#started ??= this.#load().catch((error: unknown) => {
      this.#started = undefined
      throw asNbError(error, 'store-failed')
    })
    return this.#started
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#queue.drained()
    await Promise.allSettled(this.#creating.values())
    this.#entries.clear()
    this.#counters.clear()
    this.#recent.clear()
    this.#started = undefined
    this.#stopping = new AbortController()
  }

  async append({ jobId, lines }: Parameters<JobStore['append']>[0]): Promise<void> {
    if (!this.keepsLines) return
    await this.start()
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return this.#writeLines(jobId, this.#number(entry, lines), lines)
    const counter = await this.#counters.of(jobId)
    if (counter !== undefined) await this.#writeLines(jobId, this.#number(counter, lines), lines)
  }

  async create(input: NewJob): Promise<Created> {
    await this.start()
    const { requestId } = input.request
    const under = this.#creating.get(requestId)
    if (under !== undefined) return { ...(await under), created: false }
    const made = this.#create(input)
    this.#creating.set(requestId, made)
    try {
      return await made
    } finally {
      this.#creating.delete(requestId)
    }
  }

  async apply(jobId: string, change: JobChange, lines: readonly JobLogLine[] = noLines): Promise<JobRecord> {
    const entry = this.#entry(jobId)
    const current = this.#change(entry, change)
    const parent = this.#tellParent(current, change)
    const told = parent?.current
    const all = this.keepsLines ? [...lines, ...endedLine(current, change, this.#clock.now())] : noLines
    const first = this.#number(entry, all)
    const { kind } = change
    const queue = this.#queue
    const how = isReportable(kind) ? durable : soon
    try {
      await queue.write(this.#changeOf(entry, parent, first, all), how)
    } catch (error) {
      if (!isInsisted(kind)) throw error
      await this.#insist(() => queue.write(this.#changeOf(entry, parent, first, all), how), kind, error)
    }
    entry.shown = current
    if (parent !== undefined && told !== undefined) parent.shown = told
    if (current.phase === 'final') {
      this.#entries.delete(jobId)
      this.#recent.set(jobId, current)
      if (this.keepsLines) this.#counters.remember(jobId, entry.lines)
    }
    this.#tell(jobId, first, all)
    this.#events.emit('job:changed', this.#entries.change(entry))
    if (current.parentId !== undefined) this.#showParent(current.parentId)
    return current
  }

  note(jobId: string, change: JobChange): void {
    this.#change(this.#entry(jobId), change)
  }

  show(jobId: string, facts: LiveFacts): void {
    const entry = this.#entries.get(jobId)
    if (entry === undefined || entry.current.phase === 'ended') return
    const { live } = entry
    const { progress, operation = live.operation } = facts
    entry.live = {
      progress: progress === undefined ? live.progress : mergeProgress(live.progress, progress),
      operation,
    }
    this.#events.emit('job:changed', this.#entries.change(entry))
    if (entry.current.parentId !== undefined) this.#showParent(entry.current.parentId)
  }

  nextLine(jobId: string): number {
    return (this.#entries.get(jobId)?.lines ?? 0) + 1
  }

  current(jobId: string): JobRecord | undefined {
    return this.#entries.get(jobId)?.current
  }

  kept(jobId: string): KeptJob | undefined {
    return this.#entries.get(jobId)
  }

  unfinished(): readonly JobRecord[] {
    return [...this.#entries].map(({ current }) => current)
  }

  registered(): Iterable<JobRecord> {
    return this.#entries.registered()
  }

  unfinishedChildren(jobId: string): readonly JobRecord[] {
    return this.#entries.childrenOf(jobId).map(({ current }) => current)
  }

  async read(jobId: string): Promise<JobRecord | undefined> {
    if (!isJobId(jobId)) return undefined
    await this.start()
    const recent = this.#recent.get(jobId)
    if (recent !== undefined) return recent
    const key = jobKey(jobId)
    const text = (await this.#levels.jobs.get(key)) as string | undefined
    return text === undefined ? undefined : parseRecord(key, text, await this.#specOf(key))
  }

  async view(jobId: string): Promise<Job | undefined> {
    await this.start()
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return this.#entries.view(entry)
    const recent = this.#recent.get(jobId)
    if (recent !== undefined) return toJob(recent)
    if (!isJobId(jobId)) return undefined
    const key = jobKey(jobId)
    const text = (await this.#levels.jobs.get(key)) as string | undefined
    return text === undefined ? undefined : toJob(parseRecord(key, text))
  }

  async *list(filter: JobFilter): AsyncIterable<Job> {
    await this.start()
    yield* chosenJobs(filter, {
      view: (jobId) => this.view(jobId),
      childrenOf: async (jobId) => (this.current(jobId) ?? (await this.read(jobId)))?.children ?? [],
      unfinished: () => this.#entries.views(),
      all: () => this.#allJobs(),
    })
  }

  async *lines(jobId: string, after: number): AsyncIterable<NumberedLine> {
    await this.start()
    await this.#queue.drained()
    yield* readLines(this.#levels.lines, jobId, after, this.#log)
  }

  async purge(endedBefore: number = this.#clock.now() - this.#keepJobsMs): Promise<number> {
    await this.start()
    const old = await jobsToPurge(this.#records(), endedBefore)
    for await (const gone of removeJobs(this.#levels, this.#queue, old, this.#hasLines))
      for (const { id } of gone) {
        this.#counters.delete(id)
        this.#recent.delete(id)
      }
    return old.length
  }

  #entry(jobId: string): Entry {
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return entry
    throw new NbError('job-unknown', `there is no unfinished job ${jobId}`)
  }

  /** Changes what is decided by. */
  #change(entry: Entry, change: JobChange): JobRecord {
    const current = applyChange(entry.current, change, entry.live)
    entry.current = current
    entry.live = current
    return current
  }

  async #load(): Promise<void> {
    const { meta, jobs, lines } = this.#levels
    const stored = (await meta.get('lastId')) as string | undefined
    this.#lastId = this.#damage.parseCounter(stored)
    for await (const [key, text] of jobs.iterator() as AsyncIterable<[string, string]>) {
      this.#lastId = Math.max(this.#lastId, Number(jobIdOfKey(key) ?? 0))
      if (this.#damage.parse(key, text)?.phase === 'final') continue
      const record = this.#damage.parse(key, text, await this.#specOf(key))
      if (record === undefined) continue
      const count = await countLines(lines, record.id)
      this.#entries.set(record.id, new Entry(record, count))
    }
    this.#hasLines = this.keepsLines || (await hasLines(lines))
  }

  async #specOf(key: string): Promise<string> {
    return ((await this.#levels.specs.get(key)) as string | undefined) ?? '{}'
  }

  /** All records, oldest first, so many at a time. */
  async *#records(): AsyncIterable<readonly (JobRecord | undefined)[]> {
    const keys = this.#levels.jobs.keys()
    try {
      for (;;) {
        const some: readonly string[] = await keys.nextv(jobsAtOnce)
        if (some.length === 0) return
        const records: (JobRecord | undefined)[] = []
        for (const key of some) records.push(this.#known(key) ?? (await this.#stored(key)))
        yield records
      }
    } finally {
      await keys.close()
    }
  }

  /** The record at a key where that is in memory. */
  #known(key: string): JobRecord | undefined {
    const jobId = jobIdOfKey(key) ?? ''
    return this.#entries.get(jobId)?.current ?? this.#recent.get(jobId)
  }

  async #stored(key: string): Promise<JobRecord | undefined> {
    const text = (await this.#levels.jobs.get(key)) as string | undefined
    return text === undefined ? undefined : this.#damage.parse(key, text)
  }

  async *#allJobs(): AsyncIterable<Job | undefined> {
    const all = this.#levels.jobs.iterator({ reverse: true }) as AsyncIterable<[string, string]>
    for await (const [key, text] of all) yield this.#jobOf(key, text)
  }

  async #create(input: NewJob): Promise<Created> {
    const { requestId, lines: first } = input.request
    const known = (await this.#levels.requests.get(requestId)) as string | undefined
    const before = known === undefined ? undefined : await this.#createdBefore(input, known)
    if (before !== undefined) return before
    const records = createRecords(input, () => String(++this.#lastId), this.#clock.now())
    const [{ id, children }] = records
    const operations: WriteOperation[] = [
      { type: 'put', sublevel: this.#levels.meta, key: 'lastId', value: String(this.#lastId) },
      { type: 'put', sublevel: this.#levels.requests, key: requestId, value: id },
    ]
    const made = records.map((record) => {
      const given = record.parentId === undefined ? first : noLines
      const lines = this.keepsLines ? [...given, createdLine(record)] : noLines
      const entry = new Entry(record, lines.length)
      this.#putNew(operations, entry, lines)
      return { entry, lines }
    })
    await this.#queue.write(operations, durable)
    for (const { entry } of made) this.#entries.set(entry.current.id, entry)
    for (const { entry, lines } of made) {
      this.#tell(entry.current.id, 0, lines)
      this.#events.emit('job:changed', this.#entries.change(entry))
    }
    return children === undefined ? { jobId: id, created: true } : { jobId: id, created: true, children }
  }

  /** The answer to a request whose job there is already. */
  async #createdBefore({ request }: NewJob, jobId: string): Promise<Created | undefined> {
    const { requestId, type: asked } = request
    if (!isJobId(jobId)) throw this.#damage.note(corrupt(requestId, 'it does not name a job'))
    const known = this.#entries.get(jobId)?.current ?? (await this.read(jobId))
    if (known === undefined) return undefined
    const { type, children } = known
    if (type === asked) return { jobId, created: false, ...(children === undefined ? {} : { children }) }
    throw new NbError('request-duplicate', `request ${requestId} is the ${type} job ${jobId} already`, {
      details: { jobId, requestId },
    })
  }

  /** Notes in its parent what has happened to a job, to be written with it. Gives the parent where that changed it. */
  #tellParent(record: JobRecord, { kind }: JobChange): Entry | undefined {
    const parent = record.parentId === undefined ? undefined : this.#entries.get(record.parentId)
    const change = parent === undefined ? undefined : parentChange(record, kind, parent.current)
    if (parent === undefined || change === undefined) return undefined
    parent.current = applyChange(parent.current, change)
    return parent
  }

  #showParent(jobId: string): void {
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) this.#events.emit('job:changed', this.#entries.change(entry))
  }

  /** Where nobody could be told that a write failed: tries again until it is written or the store stops. */
  #insist(write: () => Promise<void>, kind: JobChange['kind'], failed: unknown): Promise<void> {
    const again = (failure: unknown): void =>
      this.#log.error('could not write that a job is %s, trying again: %o', kind, failure)
    return insisting(this.#clock, write, this.#stopping.signal, again, failed)
  }

  /** What is written of a change: the job, its parent where that has changed, and the new lines. */
  #changeOf(
    entry: Entry,
    parent: Entry | undefined,
    first: number,
    lines: readonly JobLogLine[],
  ): readonly WriteOperation[] {
    const records = [this.#putRecord(entry)]
    if (parent !== undefined) records.push(this.#putRecord(parent))
    if (lines.length === 0) return records
    return [...records, ...lineWrites(this.#levels.lines, entry.current.id, first, lines)]
  }

  async #writeLines(jobId: string, count: number, lines: readonly JobLogLine[]): Promise<void> {
    await this.#queue.write(lineWrites(this.#levels.lines, jobId, count, lines))
    this.#tell(jobId, count, lines)
  }

  /** Takes the numbers after those there are, in the turn of the call, so that the order of calls is kept. */
  #number(counter: LineCounter, lines: readonly JobLogLine[]): number {
    const count = counter.lines
    counter.lines += lines.length
    return count
  }

  #tell(jobId: string, count: number, lines: readonly JobLogLine[]): void {
    if (lines.length === 0) return
    for (const [index, line] of lines.entries()) {
      this.#events.emit('line:appended', { jobId, number: count + 1 + index, line })
    }
  }

  #putRecord({ key, current }: Entry): WriteOperation {
    const value = new StoredRecord(current)
    return { type: 'put', sublevel: this.#levels.jobs, key, value, valueEncoding: 'json' }
  }

  #putNew(operations: WriteOperation[], { key, current }: Entry, lines: readonly JobLogLine[]): void {
    const { jobs, specs } = this.#levels
    const { record, spec } = storedJob(current)
    operations.push(
      { type: 'put', sublevel: jobs, key, value: record, valueEncoding: 'json' },
      { type: 'put', sublevel: specs, key, value: spec, valueEncoding: 'json' },
      ...lineWrites(this.#levels.lines, current.id, 0, lines),
    )
  }

  #jobOf(key: string, text: string): Job | undefined {
    const jobId = jobIdOfKey(key) ?? ''
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return this.#entries.view(entry)
    const record = this.#recent.get(jobId) ?? this.#damage.parse(key, text)
    return record === undefined ? undefined : toJob(record)
  }
}
