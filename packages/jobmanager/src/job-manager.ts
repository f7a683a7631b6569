import {
  type BackupJobRequest,
  type CallOptions,
  type Emitter,
  type Explanation,
  type Job,
  type JobAttempt,
  type JobEvent,
  type JobFilter,
  type JobLogLine,
  type JobManager,
  type JobManagerEvents,
  type JobRegistry,
  type JobSessions,
  type Lifecycle,
  type Observable,
  type WorkJobRequest,
  NbError,
  asNbError,
  createEmitter,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import { resumeBackup, runBackup, settleBackup, undoBackup } from './backup-flow.ts'
import { checkBackupRequest } from './check-backup.ts'
import { type JobManagerComponents, type JobManagerOptions, withDefaults } from './components.ts'
import { explainJob } from './explain.ts'
import { type CleanupReport, type Housekeeping, createHousekeeping } from './housekeeping.ts'
import type { JobRecord } from './job-record.ts'
import type { JobStoreEvents } from './job-store.ts'
import { createLeaseKeeper } from './leases.ts'
import { createMediaRequests } from './media-requests.ts'
import { unlessAborted } from './patience.ts'
import { type RecoveredFlows, recover } from './recovery.ts'
import {
  type RegistryParts,
  createJobRegistry,
  endAbandoned,
  settleRegistered,
  unknownJob,
} from './registered-jobs.ts'
import { RunningJob } from './running-job.ts'
import { endSessionsOf } from './session-calls.ts'
import { type SessionWatch, createSessionWatch } from './session-watch.ts'
import { createJobSessions } from './sessions.ts'
import { watchJobs } from './watch.ts'

/** Cleans up after images; beside the ports, for whoever has just expired some. */
export interface ImageCleanup {
  /** Expires what is due, removes what expired and discarded images left on the media, purges old jobs. */
  cleanImages(): Promise<CleanupReport>
}

/** All that a job manager is. */
export type JobManagerService = JobManager &
  JobRegistry &
  JobSessions &
  ImageCleanup &
  Required<Lifecycle> &
  Observable<JobManagerEvents>

/** Makes a job manager: it owns every job from its submission to its end. */
export function createJobManager(
  components: JobManagerComponents,
  options: JobManagerOptions = {},
): JobManagerService {
  return new JobEngine(components, options)
}

/**
 * A backup's life, as its record tells it:
 *
 * - `queued`: on the list (2); its request waits at the broker (3).
 * - `granted`: resources are its own (5); it is active and its lease is renewed.
 * - `imaged`: the catalog has its image, in progress (6).
 * - `running`: its session lives (7–8), asks for media (9), moves data (10–12), reports (13).
 * - `ended`: the ending is written down (14); the image is completed (15), or discarded with its fragments; the
 *   resources are released (16).
 * - `final`: the status is true for good; `wait` resolves; the scheduler is told (17).
 *
 * A failure, a cancel (150), a stop (803) or a lost lease (914) aborts the flow at whatever it waits for; the undo ends
 * the session and goes on at `ended`. A cancel noted before `ended` wins over any other ending, one noted after
 * it changes nothing. A restart finds each record in one of these phases and takes it up there (recovery-plan.ts).
 * A registered job is `registered` until its owner finishes it, then `ended` and `final` in the same way.
 */
class JobEngine implements JobManagerService {
  readonly #parts: RegistryParts
  readonly #events: Emitter<JobManagerEvents>
  readonly #running = new Map<string, RunningJob>()
  readonly #tasks = new Set<Promise<void>>()
  readonly #waiters = new Map<string, Set<(job: Job) => void>>()
  readonly #abandoned = new Map<string, () => void>()
  readonly #abandonedEnds: Promise<void>[] = []
  /** Jobs that were told to be active. */
  readonly #active = new Set<string>()
  readonly #sessions: JobSessions
  readonly #registry: JobRegistry
  readonly #housekeeping: Housekeeping
  readonly #watch: SessionWatch
  #state: 'new' | 'running' | 'stopping' = 'new'
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #recovered: Promise<void> = Promise.resolve()
  #closing = new AbortController()

  constructor(components: JobManagerComponents, options: JobManagerOptions) {
    const { broker, catalog, mediaServers, jobStore: store, clock } = components
    const log = components.log ?? debugLogger('nb:jobmanager:manager')
    const leases = createLeaseKeeper(broker, clock, log)
    const base = { ...withDefaults(options), broker, catalog, mediaServers, store, leases, clock, log }
    this.#parts = {
      ...base,
      requests: createMediaRequests(base),
      running: this.#running,
      earlyReports: new Map(),
      recovered: () => this.#recovered,
      checkOpen: () => this.#checkOpen(),
      final: (jobId) => this.wait({ jobId }),
      claimed: (jobId) => this.#claim(jobId),
      submitted: (jobId) => this.#events.emit('job:submitted', { jobId }),
    }
    this.#events = createEmitter(log)
    this.#sessions = createJobSessions(this.#parts)
    this.#registry = createJobRegistry(this.#parts)
    this.#housekeeping = createHousekeeping(this.#parts)
    this.#watch = createSessionWatch(this.#parts)
    store.on('job:changed', (change) => this.#onChanged(change))
    store.on('line:appended', ({ jobId, line }) => {
      if (line.step !== undefined) this.#events.emit('job:step', { jobId, line })
    })
  }

  on: JobManagerService['on'] = (name, listener) => this.#events.on(name, listener)
  once: JobManagerService['once'] = (name, listener) => this.#events.once(name, listener)
  off: JobManagerService['off'] = (name, listener) => this.#events.off(name, listener)

  start(): Promise<void> {
    this.#started ??= this.#start().catch(async (error: unknown) => {
      await this.stop()
      throw asNbError(error)
    })
    return this.#started
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async submit(
    input: BackupJobRequest | WorkJobRequest,
    options?: CallOptions,
  ): Promise<{ readonly jobId: string }> {
    throwIfAborted(options)
    this.#checkOpen()
    if (!('schedule' in input)) throw new NbError('not-supported', `${input.type} jobs are not supported yet`)
    checkBackupRequest(input)
    const { jobId, created } = await this.#parts.store.create(input)
    if (created) {
      this.#events.emit('job:submitted', { jobId })
      this.#launch(jobId, (job) => runBackup(this.#parts, job))
    }
    return { jobId }
  }

  get({ jobId }: { readonly jobId: string }): Promise<Job | undefined> {
    return this.#parts.store.view(jobId)
  }

  async *list(input: JobFilter, options?: CallOptions): AsyncIterable<Job> {
    for await (const job of this.#parts.store.list(input)) {
      throwIfAborted(options)
      yield job
    }
  }

  async *log(
    { jobId, after = 0 }: { readonly jobId: string; readonly after?: number },
    options?: CallOptions,
  ): AsyncIterable<JobLogLine> {
    const { store } = this.#parts
    if ((await store.view(jobId)) === undefined) throw unknownJob(jobId)
    for await (const { line } of store.lines(jobId, after)) {
      throwIfAborted(options)
      yield line
    }
  }

  watch(input: JobFilter & { readonly lines?: boolean }, options?: CallOptions): AsyncIterable<JobEvent> {
    return watchJobs(this.#parts.store, input, this.#closing.signal, options)
  }

  async wait({ jobId }: { readonly jobId: string }, options?: CallOptions): Promise<Job> {
    throwIfAborted(options)
    let heard: (job: Job) => void = () => undefined
    const final = new Promise<Job>((resolve) => (heard = resolve))
    const waiters = this.#waiters.get(jobId) ?? new Set()
    this.#waiters.set(jobId, waiters.add(heard))
    try {
      const job = await this.#parts.store.view(jobId)
      if (job === undefined) throw unknownJob(jobId)
      if (job.status !== undefined) return job
      const { signal } = this.#closing
      return await unlessAborted(final, options?.signal ? AbortSignal.any([signal, options.signal]) : signal)
    } finally {
      waiters.delete(heard)
      if (waiters.size === 0) this.#waiters.delete(jobId)
    }
  }

  async cancel({ jobId, reason }: { readonly jobId: string; readonly reason?: string }): Promise<void> {
    const { store, clock, requests } = this.#parts
    const record = store.current(jobId)
    if (record === undefined) {
      if ((await store.read(jobId)) === undefined) throw unknownJob(jobId)
      return
    }
    if (record.phase === 'ended' || record.phase === 'final') return
    const text = reason ?? 'cancelled by an administrator'
    await store.apply(jobId, { kind: 'cancel-requested', at: clock.now(), reason: text })
    const cancelled = new NbError('job-cancelled', text)
    this.#running.get(jobId)?.endWith(cancelled)
    requests.refuse(jobId, cancelled)
    if (record.phase === 'registered') {
      void this.#track(endSessionsOf(this.#parts, record, { status: 150, reason: text }))
    }
  }

  async *attempts({ jobId }: { readonly jobId: string }): AsyncIterable<JobAttempt> {
    const job = await this.#parts.store.view(jobId)
    if (job === undefined) throw unknownJob(jobId)
    yield {
      number: 1,
      startedAt: job.submittedAt,
      files: job.progress?.files ?? 0,
      bytes: job.progress?.bytes ?? 0,
      firstLine: 1,
    }
  }

  suspend({ jobId }: { readonly jobId: string }): Promise<void> {
    return this.#refuse(jobId, 'suspended')
  }

  resume({ jobId }: { readonly jobId: string }): Promise<void> {
    return this.#refuse(jobId, 'resumed')
  }

  restart({ jobId }: { readonly jobId: string }): Promise<never> {
    return this.#refuse(jobId, 'restarted')
  }

  async setPriority({
    jobId,
    priority,
  }: {
    readonly jobId: string
    readonly priority: number
  }): Promise<void> {
    await this.#parts.broker.setPriority({ jobId, priority })
  }

  async purge(): Promise<{ readonly purged: number }> {
    return { purged: await this.#parts.store.purge() }
  }

  async #refuse(jobId: string, what: string): Promise<never> {
    const job = await this.#parts.store.view(jobId)
    if (job === undefined) throw unknownJob(jobId)
    throw new NbError('state-conflict', `job ${jobId} is ${job.state}: it can't be ${what}`)
  }

  async explain({ jobId }: { readonly jobId: string }, options?: CallOptions): Promise<Explanation> {
    const job = await this.#parts.store.view(jobId)
    if (job === undefined) throw unknownJob(jobId)
    if (job.state === 'done') return explainJob(job)
    const explanation = await this.#parts.broker.explain({ jobId }, options)
    return explanation.waiting ? explanation : explainJob(job)
  }

  register: JobRegistry['register'] = (input) => this.#registry.register(input)
  update: JobRegistry['update'] = (input) => this.#registry.update(input)
  finish: JobRegistry['finish'] = (input) => this.#registry.finish(input)

  requestMedia: JobSessions['requestMedia'] = (input) => this.#sessions.requestMedia(input)
  progress: JobSessions['progress'] = (input) => this.#sessions.progress(input)
  checkpoint: JobSessions['checkpoint'] = (input) => this.#sessions.checkpoint(input)
  sessionEnded: JobSessions['sessionEnded'] = (input) => this.#sessions.sessionEnded(input)

  cleanImages(): Promise<CleanupReport> {
    return this.#housekeeping.clean()
  }

  async #start(): Promise<void> {
    await this.#stopped
    this.#stopped = undefined
    this.#state = 'new'
    this.#closing = new AbortController()
    await this.#parts.store.start()
    for (const { id, phase } of this.#parts.store.unfinished()) if (phase !== 'queued') this.#active.add(id)
    this.#recovered = recover(this.#parts, this.#recoveredFlows())
    // Whoever waits for the recovery hears of its failure from `start`.
    this.#recovered.catch(() => undefined)
    await this.#recovered
    await Promise.all(this.#abandonedEnds.splice(0))
    this.#parts.earlyReports.clear()
    if (this.#stopped !== undefined)
      throw new NbError('manager-stopping', 'the job manager was stopped while it started')
    this.#state = 'running'
    if (this.#running.size > 0) this.#watch.wake()
    this.#housekeeping.start()
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping'
    const { leases, requests, store, clock, log, stopTimeoutMs } = this.#parts
    this.#watch.stop()
    for (const cancel of this.#abandoned.values()) cancel()
    this.#abandoned.clear()
    const reason = new NbError('manager-stopping', 'the job manager is ending')
    for (const job of this.#running.values()) job.endWith(reason)
    for (const { id } of store.unfinished()) requests.refuse(id, reason)
    const limit = new AbortController()
    const cancel = clock.setTimer(stopTimeoutMs, () => limit.abort(), { keepAlive: true })
    try {
      await unlessAborted(this.#settled(), limit.signal)
      await unlessAborted(requests.settled(), limit.signal)
    } catch (error) {
      log.error('%d jobs did not end in time; the next start takes them up: %o', this.#tasks.size, error)
    } finally {
      cancel()
      leases.letAllGo()
      this.#closing.abort(reason)
      this.#started = undefined
    }
    await this.#housekeeping.stop()
  }

  async #settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }

  #checkOpen(): void {
    if (this.#state === 'running') return
    const text = this.#state === 'new' ? 'the job manager is not started' : 'the job manager is ending'
    throw new NbError('manager-stopping', text)
  }

  #recoveredFlows(): RecoveredFlows {
    return {
      request: ({ id }) => this.#launch(id, (job) => runBackup(this.#parts, job)),
      resume: (job) => this.#run(job, () => resumeBackup(this.#parts, job)),
      undo: (job, reason) => this.#run(job, () => undoBackup(this.#parts, job, reason)),
      conclude: (record) => {
        const { id, type, ending } = record
        if (type !== 'backup') void this.#track(settleRegistered(this.#parts, id))
        else if (ending !== undefined) this.#launch(id, (job) => settleBackup(this.#parts, job, ending))
      },
      awaitOwner: (record) => this.#awaitOwner(record),
    }
  }

  #awaitOwner(record: JobRecord): void {
    const { clock, ownerGraceMs, store } = this.#parts
    const end = (): void => {
      this.#abandoned.delete(record.id)
      const current = store.current(record.id)
      if (current?.phase === 'registered')
        this.#abandonedEnds.push(this.#track(endAbandoned(this.#parts, current)))
    }
    if (ownerGraceMs === 0) end()
    else this.#abandoned.set(record.id, clock.setTimer(ownerGraceMs, end))
  }

  #claim(jobId: string): void {
    this.#abandoned.get(jobId)?.()
    this.#abandoned.delete(jobId)
  }

  #launch(jobId: string, flow: (job: RunningJob) => Promise<void>): void {
    const record = this.#parts.store.current(jobId)
    // A job that was recorded while the manager ended stays queued.
    if (record === undefined || this.#state === 'stopping') return
    const job = new RunningJob(this.#parts, record)
    if (record.cancel !== undefined) job.endWith(new NbError('job-cancelled', record.cancel.reason))
    this.#run(job, () => flow(job))
  }

  #run(job: RunningJob, flow: () => Promise<void>): void {
    this.#running.set(job.id, job)
    const early = this.#parts.earlyReports.get(job.id)
    if (early !== undefined) job.hear(early)
    void this.#track(flow().finally(() => this.#running.delete(job.id)))
  }

  #track(task: Promise<void>): Promise<void> {
    const tracked = task
      .catch((error: unknown) => this.#parts.log.error('a flow could not be brought to its end: %o', error))
      .finally(() => this.#tasks.delete(tracked))
    this.#tasks.add(tracked)
    return tracked
  }

  #onChanged({ job }: JobStoreEvents['job:changed']): void {
    const { id: jobId, state, status } = job
    if (state === 'active' && this.#state === 'running') this.#watch.wake()
    if (state === 'active' && !this.#active.has(jobId)) {
      this.#active.add(jobId)
      this.#events.emit('job:active', { jobId })
    }
    if (state !== 'active') this.#active.delete(jobId)
    if (status === undefined) return
    this.#events.emit('job:finished', { jobId, status })
    for (const heard of this.#waiters.get(jobId) ?? []) heard(job)
  }
}
