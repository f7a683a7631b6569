import {
  type Clock,
  type Emitter,
  type Job,
  type JobFilter,
  type JobLogLine,
  type Logger,
  type Store,
  NbError,
  asNbError,
  createEmitter,
  debugLogger,
  enterStore,
} from '@nb/contracts'
import { type NumberedLine, countLines, hasLines, lineWrites, noLines, readLines } from './job-lines.ts'
import { Entry, JobEntries, type Step } from './job-entries.ts'
import { JobCreation, type NewEntry } from './job-creation.ts'
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
import { type ToldFacts, toJob } from './job-view.ts'
import { parentChange } from './parent-change.ts'
import { insisting } from './patience.ts'
import { Remembered } from './remembered.ts'
import { mergeProgress } from './progress.ts'
import { jobsToPurge, recordsOf, removeJobs } from './purge-jobs.ts'
import { Damage } from './damage.ts'
import { StoredRecord, parseRecord } from './stored-record.ts'
import { endedLine } from './store-lines.ts'
import { isJobId, jobIdOfKey, jobKey } from './store-keys.ts'
import { type JobSublevels, openSublevels, presentForm } from './sublevels.ts'
import { type JobChange, applyChange, isInsisted, isReportable } from './transitions.ts'
import { type WriteOperation, type WriteQueue, createWriteQueue, durable, soon } from './write-queue.ts'

const dayMs = 86_400_000
/** How many of the jobs that ended last are known without the store, a kilobyte each: they are listed and asked for most. */
const recentJobs = 5000

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
  readonly #store: Store
  readonly #levels: JobSublevels
  readonly #queue: WriteQueue
  readonly #events: Emitter<JobStoreEvents>
  readonly #entries = new JobEntries()
  readonly #counters: LineCounters
  /** The records of jobs that ended last. */
  readonly #recent = new Remembered<JobRecord>(recentJobs)
  readonly #creation: JobCreation
  readonly #damage: Damage
  /** Whether logs are looked for when jobs are removed: also those of a time when lines were kept. */
  #hasLines = true
  #started: Promise<void> | undefined
  #isLoaded = false
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
    this.#store = store
    this.#levels = openSublevels(store)
    this.#queue = createWriteQueue(store)
    this.#counters = new LineCounters(this.#levels, this.#queue, recentJobs)
    this.#events = createEmitter(log)
    this.#damage = new Damage((key, message) => {
      log.error('%s', message)
      this.#events.emit('store:corrupt', { key, message })
    })
    this.#creation = new JobCreation({
      levels: this.#levels,
      queue: this.#queue,
      clock,
      damage: this.#damage,
      keepsLines,
      find: async (jobId) => this.current(jobId) ?? (await this.read(jobId)),
      created: (made) => this.#created(made),
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
    await this.#creation.settled()
    this.#entries.clear()
    this.#counters.clear()
    this.#recent.clear()
    this.#started = undefined
    this.#isLoaded = false
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

  create(input: NewJob): Promise<Created> {
    if (this.#isLoaded) return this.#creation.create(input)
    return this.start().then(() => this.#creation.create(input))
  }

  apply(jobId: string, change: JobChange, lines: readonly JobLogLine[] = noLines): Promise<JobRecord> {
    let step: Step
    try {
      step = this.#begin(jobId, change, lines)
    } catch (error) {
      return Promise.reject(asNbError(error))
    }
    const shown = (): JobRecord => this.#show(step)
    const written = this.#write(step)
    return isInsisted(step.kind)
      ? written.then(shown, (error: unknown) => this.#insist(step, error).then(shown))
      : written.then(shown)
  }

  note(jobId: string, change: JobChange): void {
    this.#change(this.#entry(jobId), change)
  }

  show(jobId: string, facts: ToldFacts): void {
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
    const known = (key: string): JobRecord | undefined => {
      const jobId = jobIdOfKey(key) ?? ''
      return this.current(jobId) ?? this.#recent.get(jobId)
    }
    const old = await jobsToPurge(recordsOf(this.#levels.jobs, this.#damage, known), endedBefore)
    for await (const gone of removeJobs(this.#levels, this.#queue, old, this.#hasLines))
      for (const { id } of gone) {
        this.#counters.delete(id)
        this.#recent.delete(id)
      }
    return old.length
  }

  /** Decides by a change from now on. */
  #begin(jobId: string, change: JobChange, lines: readonly JobLogLine[]): Step {
    const entry = this.#entry(jobId)
    const current = this.#change(entry, change)
    const parent = this.#tellParent(current, change)
    const all = this.keepsLines ? [...lines, ...endedLine(current, change, this.#clock.now())] : noLines
    const first = this.#number(entry, all)
    return { entry, current, kind: change.kind, parent, told: parent?.current, lines: all, first }
  }

  /** Shows what is written. */
  #show({ entry, current, parent, told, lines, first }: Step): JobRecord {
    const { id, parentId } = current
    entry.shown = current
    if (parent !== undefined && told !== undefined) parent.shown = told
    if (current.phase === 'final') {
      this.#entries.delete(id)
      this.#recent.set(id, current)
      if (this.keepsLines) this.#counters.remember(id, entry.lines)
    }
    this.#tell(id, first, lines)
    this.#events.emit('job:changed', this.#entries.change(entry))
    if (parentId !== undefined) this.#showParent(parentId)
    return current
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
    await enterStore(this.#store, presentForm, 'the jobs database')
    const stored = (await meta.get('lastId')) as string | undefined
    this.#creation.lastId = this.#damage.parseCounter(stored)
    for await (const [key, text] of jobs.iterator() as AsyncIterable<[string, string]>) {
      this.#creation.lastId = Math.max(this.#creation.lastId, Number(jobIdOfKey(key) ?? 0))
      if (this.#damage.parse(key, text)?.phase === 'final') continue
      const record = this.#damage.parse(key, text, await this.#specOf(key))
      if (record === undefined) continue
      const count = await countLines(lines, record.id)
      this.#entries.set(record.id, new Entry(record, count))
    }
    this.#hasLines = this.keepsLines || (await hasLines(lines))
    this.#isLoaded = true
  }

  async #specOf(key: string): Promise<string> {
    return ((await this.#levels.specs.get(key)) as string | undefined) ?? '{}'
  }

  async *#allJobs(): AsyncIterable<Job | undefined> {
    const all = this.#levels.jobs.iterator({ reverse: true }) as AsyncIterable<[string, string]>
    for await (const [key, text] of all) yield this.#jobOf(key, text)
  }

  /** Knows new jobs, and tells of them. */
  #created(made: readonly NewEntry[]): void {
    for (const { entry } of made) this.#entries.set(entry.current.id, entry)
    for (const { entry, lines } of made) {
      this.#tell(entry.current.id, 0, lines)
      this.#events.emit('job:changed', this.#entries.change(entry))
    }
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
  #insist(step: Step, failed: unknown): Promise<void> {
    const write = (): Promise<void> => this.#write(step)
    const again = (failure: unknown): void =>
      this.#log.error('could not write that a job is %s, trying again: %o', step.kind, failure)
    return insisting(this.#clock, write, this.#stopping.signal, again, failed)
  }

  /** Writes the job as it is now, its parent where that has changed, and the new lines. */
  #write({ entry, kind, parent, lines, first }: Step): Promise<void> {
    const operations = [this.#putRecord(entry)]
    if (parent !== undefined) operations.push(this.#putRecord(parent))
    if (lines.length > 0) operations.push(...lineWrites(this.#levels.lines, entry.current.id, first, lines))
    return this.#queue.write(operations, isReportable(kind) ? durable : soon)
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

  #jobOf(key: string, text: string): Job | undefined {
    const jobId = jobIdOfKey(key) ?? ''
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return this.#entries.view(entry)
    const record = this.#recent.get(jobId) ?? this.#damage.parse(key, text)
    return record === undefined ? undefined : toJob(record)
  }
}
