import {
  type BackupJobRequest,
  type Clock,
  type Emitter,
  type Job,
  type JobFilter,
  type JobLogLine,
  type Logger,
  type RegisteredJobRequest,
  type Store,
  NbError,
  asNbError,
  createEmitter,
  debugLogger,
} from '@nb/contracts'
import { type NumberedLine, countLines, lineWrites, readLines } from './job-lines.ts'
import { type JobRecord, corrupt, newBackupRecord, newRegisteredRecord, parseRecord } from './job-record.ts'
import type { JobStore, JobStoreComponents, JobStoreEvents, JobStoreOptions } from './job-store.ts'
import { type LiveFacts, matchesFilter, mergeProgress, toJob } from './job-view.ts'
import { createdLine, endedLine } from './store-lines.ts'
import { isJobId, jobIdOfKey, jobKey, linesAfter } from './store-keys.ts'
import { type JobChange, applyChange, isReportable } from './transitions.ts'
import { type WriteOperation, type WriteQueue, createWriteQueue } from './write-queue.ts'

interface LineCounter {
  lines: number
}

/** A job that is not final. */
interface Entry extends LineCounter {
  /** To decide by; may be ahead of what is written. */
  current: JobRecord
  /** To show; never ahead of what is written. */
  shown: JobRecord
  live: LiveFacts
}

const dayMs = 86_400_000

/** Makes the jobs database. It comes first in a composition, because every component gets it as its `JobLog`. */
export function createJobStore(components: JobStoreComponents, options: JobStoreOptions = {}): JobStore {
  const keepJobsMs = options.keepJobsMs ?? 30 * dayMs
  if (!(keepJobsMs >= 3_600_000)) throw new TypeError('keepJobsMs must be at least 3600000')
  return new LevelJobStore(components, keepJobsMs)
}

/** The jobs database on a Level store: a record, a log and a request id per job, and one counter. */
class LevelJobStore implements JobStore {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #keepJobsMs: number
  readonly #jobs: Store
  readonly #requests: Store
  readonly #lines: Store
  readonly #meta: Store
  readonly #queue: WriteQueue
  readonly #events: Emitter<JobStoreEvents>
  readonly #entries = new Map<string, Entry>()
  /** Line counts of jobs that are final and still get lines, such as the scheduler's last. */
  readonly #counters = new Map<string, Promise<LineCounter | undefined>>()
  readonly #creating = new Map<string, Promise<{ jobId: string; created: boolean }>>()
  readonly #damage: NbError[] = []
  #lastId = 0
  #started: Promise<void> | undefined
  #stopping = new AbortController()

  constructor(
    { store, clock, log = debugLogger('nb:jobmanager:store') }: JobStoreComponents,
    keepJobsMs: number,
  ) {
    const open = (name: string): Store => store.sublevel(name, { valueEncoding: 'utf8' })
    this.#clock = clock
    this.#log = log
    this.#keepJobsMs = keepJobsMs
    this.#jobs = open('jobs')
    this.#requests = open('requests')
    this.#lines = open('lines')
    this.#meta = open('meta')
    this.#queue = createWriteQueue(store)
    this.#events = createEmitter(log)
  }

  on: JobStore['on'] = (name, listener) => this.#events.on(name, listener)
  once: JobStore['once'] = (name, listener) => this.#events.once(name, listener)
  off: JobStore['off'] = (name, listener) => this.#events.off(name, listener)

  get damage(): readonly NbError[] {
    return this.#damage
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
    this.#started = undefined
    this.#stopping = new AbortController()
  }

  async append({
    jobId,
    lines,
  }: {
    readonly jobId: string
    readonly lines: readonly JobLogLine[]
  }): Promise<void> {
    await this.start()
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return this.#writeLines(jobId, this.#number(entry, lines), lines)
    const counter = await this.#counterOf(jobId)
    if (counter !== undefined) await this.#writeLines(jobId, this.#number(counter, lines), lines)
  }

  async create(input: BackupJobRequest | RegisteredJobRequest): Promise<{ jobId: string; created: boolean }> {
    await this.start()
    const under = this.#creating.get(input.requestId)
    if (under !== undefined) return { ...(await under), created: false }
    const made = this.#create(input).finally(() => this.#creating.delete(input.requestId))
    this.#creating.set(input.requestId, made)
    return made
  }

  async apply(jobId: string, change: JobChange, lines: readonly JobLogLine[] = []): Promise<JobRecord> {
    const entry = this.#entries.get(jobId)
    if (entry === undefined) throw new NbError('job-unknown', `there is no unfinished job ${jobId}`)
    const current = applyChange(withLive(entry), change)
    entry.current = current
    entry.live = liveOf(current)
    const all = [...lines, ...endedLine(current, change, this.#clock.now())]
    const first = this.#number(entry, all)
    const writes = (): WriteOperation[] => [
      this.#putRecord(entry.current),
      ...lineWrites(this.#lines, jobId, first, all),
    ]
    await this.#writeSurely(writes, change)
    entry.shown = current
    if (current.phase === 'final') {
      this.#entries.delete(jobId)
      this.#remember(jobId, entry.lines)
    }
    this.#tell(jobId, first, all)
    this.#events.emit('job:changed', { job: toJob(current, entry.live) })
    return current
  }

  show(jobId: string, facts: LiveFacts): void {
    const entry = this.#entries.get(jobId)
    if (entry === undefined || entry.current.phase === 'ended') return
    const { progress, operation } = facts
    entry.live = {
      ...entry.live,
      ...(operation === undefined ? {} : { operation }),
      ...(progress === undefined ? {} : { progress: mergeProgress(entry.live.progress, progress) }),
    }
    this.#events.emit('job:changed', { job: toJob(entry.shown, entry.live) })
  }

  current(jobId: string): JobRecord | undefined {
    return this.#entries.get(jobId)?.current
  }

  unfinished(): readonly JobRecord[] {
    return [...this.#entries.values()].map(({ current }) => current)
  }

  async read(jobId: string): Promise<JobRecord | undefined> {
    if (!isJobId(jobId)) return undefined
    await this.start()
    const key = jobKey(jobId)
    const text = (await this.#jobs.get(key)) as string | undefined
    return text === undefined ? undefined : parseRecord(key, text)
  }

  async view(jobId: string): Promise<Job | undefined> {
    await this.start()
    const entry = this.#entries.get(jobId)
    if (entry !== undefined) return toJob(entry.shown, entry.live)
    const record = await this.read(jobId)
    return record === undefined ? undefined : toJob(record)
  }

  async *list(filter: JobFilter): AsyncIterable<Job> {
    await this.start()
    const limit = filter.limit ?? Infinity
    let given = 0
    if (filter.jobId !== undefined) {
      const job = limit > 0 ? await this.view(filter.jobId) : undefined
      if (job !== undefined && matchesFilter(job, filter)) yield job
      return
    }
    for await (const [key, text] of this.#jobs.iterator({ reverse: true }) as AsyncIterable<
      [string, string]
    >) {
      if (given >= limit) return
      const job = this.#jobOf(key, text)
      if (job === undefined || !matchesFilter(job, filter)) continue
      given += 1
      yield job
    }
  }

  async *lines(jobId: string, after: number): AsyncIterable<NumberedLine> {
    await this.start()
    await this.#queue.drained()
    yield* readLines(this.#lines, jobId, after, this.#log)
  }

  async purge(): Promise<number> {
    await this.start()
    const before = this.#clock.now() - this.#keepJobsMs
    let purged = 0
    for await (const [key, text] of this.#jobs.iterator() as AsyncIterable<[string, string]>) {
      const record = this.#parse(key, text)
      if (record?.phase !== 'final' || (record.endedAt ?? Infinity) > before) continue
      const lineKeys = await this.#lines.keys(linesAfter(record.id, 0)).all()
      await this.#queue.write([
        { type: 'del', sublevel: this.#jobs, key },
        { type: 'del', sublevel: this.#requests, key: record.requestId },
        ...lineKeys.map((line) => ({ type: 'del', sublevel: this.#lines, key: line }) as const),
      ])
      this.#counters.delete(record.id)
      purged += 1
    }
    return purged
  }

  async #load(): Promise<void> {
    const stored = (await this.#meta.get('lastId')) as string | undefined
    this.#lastId = stored === undefined ? 0 : isJobId(stored) ? Number(stored) : this.#reportCounter(stored)
    for await (const [key, text] of this.#jobs.iterator() as AsyncIterable<[string, string]>) {
      this.#lastId = Math.max(this.#lastId, Number(jobIdOfKey(key) ?? 0))
      const record = this.#parse(key, text)
      if (record === undefined || record.phase === 'final') continue
      const lines = await countLines(this.#lines, record.id)
      this.#entries.set(record.id, { current: record, shown: record, live: liveOf(record), lines })
    }
  }

  async #create(
    input: BackupJobRequest | RegisteredJobRequest,
  ): Promise<{ jobId: string; created: boolean }> {
    const known = await this.#jobOfRequest(input.requestId)
    if (known !== undefined) {
      const { id, type } = known
      if (type === input.type) return { jobId: id, created: false }
      throw new NbError('request-duplicate', `request ${input.requestId} is the ${type} job ${id} already`, {
        details: { jobId: id, requestId: input.requestId },
      })
    }
    const id = String(++this.#lastId)
    const now = this.#clock.now()
    const record = isBackup(input) ? newBackupRecord(id, input, now) : newRegisteredRecord(id, input, now)
    const lines = [...input.lines, createdLine(record)]
    await this.#queue.write(
      [
        { type: 'put', sublevel: this.#meta, key: 'lastId', value: id },
        { type: 'put', sublevel: this.#requests, key: input.requestId, value: id },
        this.#putRecord(record),
        ...lineWrites(this.#lines, id, 0, lines),
      ],
      { sync: true },
    )
    this.#entries.set(id, { current: record, shown: record, live: {}, lines: lines.length })
    this.#tell(id, 0, lines)
    this.#events.emit('job:changed', { job: toJob(record) })
    return { jobId: id, created: true }
  }

  async #jobOfRequest(requestId: string): Promise<JobRecord | undefined> {
    const id = (await this.#requests.get(requestId)) as string | undefined
    if (id === undefined) return undefined
    if (!isJobId(id)) throw this.#report(corrupt(requestId, 'it does not name a job'))
    return this.#entries.get(id)?.current ?? this.read(id)
  }

  /** Writes; where nobody could be told of a failure, tries again until it is written or the store stops. */
  async #writeSurely(writes: () => WriteOperation[], { kind }: JobChange): Promise<void> {
    const sync = isReportable(kind)
    const insists = kind === 'ended' || kind === 'amended' || kind === 'settled'
    for (let delayMs = 1000; ; delayMs = Math.min(2 * delayMs, 60_000)) {
      try {
        return await this.#queue.write(writes(), { sync })
      } catch (error) {
        if (!insists || this.#stopping.signal.aborted) throw error
        this.#log.error('could not write that a job is %s, trying again: %o', kind, error)
        await this.#clock.sleep(delayMs, { signal: this.#stopping.signal })
      }
    }
  }

  async #writeLines(jobId: string, count: number, lines: readonly JobLogLine[]): Promise<void> {
    await this.#queue.write(lineWrites(this.#lines, jobId, count, lines))
    this.#tell(jobId, count, lines)
  }

  /** Takes the numbers after those there are, in the turn of the call, so that the order of calls is kept. */
  #number(counter: LineCounter, lines: readonly JobLogLine[]): number {
    const count = counter.lines
    counter.lines += lines.length
    return count
  }

  #counterOf(jobId: string): Promise<LineCounter | undefined> {
    const known = this.#counters.get(jobId)
    if (known !== undefined) return known
    const loaded = this.#queue.drained().then(async () => {
      if (!isJobId(jobId) || (await this.#jobs.get(jobKey(jobId))) === undefined) return undefined
      return { lines: await countLines(this.#lines, jobId) }
    })
    this.#counters.set(jobId, loaded)
    const forget = (): void => void this.#counters.delete(jobId)
    loaded.then((counter) => (counter === undefined ? forget() : undefined), forget)
    return loaded
  }

  /** Keeps the counts of the jobs that ended last; older ones are counted again when they get a line. */
  #remember(jobId: string, lines: number): void {
    this.#counters.set(jobId, Promise.resolve({ lines }))
    if (this.#counters.size <= 1000) return
    const oldest = this.#counters.keys().next().value
    if (oldest !== undefined) this.#counters.delete(oldest)
  }

  #tell(jobId: string, count: number, lines: readonly JobLogLine[]): void {
    for (const [index, line] of lines.entries()) {
      this.#events.emit('line:appended', { jobId, number: count + 1 + index, line })
    }
  }

  #putRecord(record: JobRecord): WriteOperation {
    return { type: 'put', sublevel: this.#jobs, key: jobKey(record.id), value: JSON.stringify(record) }
  }

  #jobOf(key: string, text: string): Job | undefined {
    const entry = this.#entries.get(jobIdOfKey(key) ?? '')
    if (entry !== undefined) return toJob(entry.shown, entry.live)
    const record = this.#parse(key, text)
    return record === undefined ? undefined : toJob(record)
  }

  #parse(key: string, text: string): JobRecord | undefined {
    try {
      return parseRecord(key, text)
    } catch (error) {
      this.#report(asNbError(error, 'store-corrupt'))
      return undefined
    }
  }

  #reportCounter(stored: string): number {
    this.#report(
      corrupt('lastId', `the counter of jobs is ${JSON.stringify(stored)}; it goes on after the last job`),
    )
    return 0
  }

  #report(error: NbError): NbError {
    const key = error.details['key'] as string
    if (!this.#damage.some((known) => known.details['key'] === key)) {
      this.#damage.push(error)
      this.#log.error('%s', error.message)
      this.#events.emit('store:corrupt', { key, message: error.message })
    }
    return error
  }
}

function withLive({ current, live }: Entry): JobRecord {
  return { ...current, ...live }
}

function liveOf({ progress, operation }: JobRecord): LiveFacts {
  return {
    ...(progress === undefined ? {} : { progress }),
    ...(operation === undefined ? {} : { operation }),
  }
}

function isBackup(input: BackupJobRequest | RegisteredJobRequest): input is BackupJobRequest {
  return input.type === 'backup'
}
