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
  type JobState,
  type Lifecycle,
  type Observable,
  type WorkJobRequest,
  NbError,
  asNbError,
  createEmitter,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import { attemptsOf, linesOfAttempt } from './attempts.ts'
import { checkBackupRequest, checkWorkRequest } from './check-backup.ts'
import { type JobManagerComponents, type JobManagerOptions, withDefaults } from './components.ts'
import { explainJob, explainParent, explainRest } from './explain.ts'
import { FinalWaiters } from './final-waiters.ts'
import { type Flows, type FlowParts, createFlows } from './flows.ts'
import { importWorker } from './import-work.ts'
import { CopiesInWork } from './copies-in-work.ts'
import { duplicateWorker } from './duplicate-work.ts'
import {
  type CleanupReport,
  type Housekeeping,
  type RoomMade,
  cleanupWorker,
  createHousekeeping,
} from './housekeeping.ts'
import { type JobOperations, createJobOperations } from './job-operations.ts'
import type { JobRecord } from './job-record.ts'
import type { Created, NewJob } from './job-store.ts'
import { stateOf } from './job-view.ts'
import { createLateAnswers } from './late-answers.ts'
import { createLeaseKeeper } from './leases.ts'
import { createMediaRequests } from './media-requests.ts'
import { unlessAborted } from './patience.ts'
import { recover } from './recovery.ts'
import { type RegistryParts, createJobRegistry, unknownJob } from './registered-jobs.ts'
import { type SessionWatch, createSessionWatch } from './session-watch.ts'
import { createJobSessions } from './sessions.ts'
import type { ToldChange } from './told-change.ts'
import { verifyWorker } from './verify-work.ts'
import { watchJobs } from './watch.ts'

/** Cleans up after images; beside the ports, for whoever has just expired some. */
export interface ImageCleanup {
  /** Expires what is due, removes what expired and discarded images left on the media, purges old jobs. */
  cleanImages(): Promise<CleanupReport>
  /** Makes room on a disk storage unit by removing copies of images that have another elsewhere; never the last one. */
  makeRoom(input: { readonly storageUnit: string; readonly bytes: number }): Promise<RoomMade>
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
 * The ports in front of the flows. What states a job goes through is told above {@link applyChange}; what a backup does in
 * each, in backup-flow.ts; what sets flows going and ends them, in flows.ts; what a restart makes of each, in
 * recovery-plan.ts.
 *
 * A failure, a cancel (150), a suspend (157), a stop (803), a closed window (196) or a lost lease (914) aborts the flow at
 * whatever it waits for; the undo ends the session, and the try with it.
 */
class JobEngine implements JobManagerService {
  readonly #parts: RegistryParts & FlowParts
  readonly #events: Emitter<JobManagerEvents>
  readonly #finals = new FinalWaiters()
  /** Jobs that were told to be active. */
  readonly #active = new Set<string>()
  /** Jobs that were told to wait for a retry. */
  readonly #waiting = new Set<string>()
  readonly #flows: Flows
  readonly #operations: JobOperations
  readonly #sessions: JobSessions
  readonly #registry: JobRegistry
  readonly #housekeeping: Housekeeping
  readonly #watch: SessionWatch
  #state: 'new' | 'running' | 'stopping' = 'new'
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  /** While it is known only in part whose sessions live. */
  #recovered: Promise<unknown> | undefined
  #closing = new AbortController()

  constructor(components: JobManagerComponents, options: JobManagerOptions) {
    const { broker, catalog, mediaServers, jobStore: store, clock, media } = components
    const log = components.log ?? debugLogger('nb:jobmanager:manager')
    const leases = createLeaseKeeper(broker, clock, log)
    const late = createLateAnswers(broker, catalog, log)
    const shared = { broker, catalog, mediaServers, store, leases, late, media, clock, log }
    const base = { ...withDefaults(options), ...shared }
    const copies = new CopiesInWork()
    this.#housekeeping = createHousekeeping(base, copies)
    this.#parts = {
      ...base,
      workers: {
        'image-cleanup': cleanupWorker(this.#housekeeping),
        verify: verifyWorker(base),
        import: importWorker(base),
        duplicate: duplicateWorker(base, copies),
        ...components.workers,
      },
      requests: createMediaRequests(base),
      running: new Map(),
      active: this.#active,
      earlyReports: new Map(),
      recovered: () => this.#recovered,
      isStopping: () => this.#state === 'stopping',
      checkOpen: () => this.#checkOpen(),
      final: (jobId) => this.wait({ jobId }),
      claimed: (jobId) => this.#flows.claim(jobId),
      submitted: (jobId) => this.#events.emit('job:submitted', { jobId }),
    }
    this.#events = createEmitter(log)
    this.#flows = createFlows(this.#parts)
    this.#operations = createJobOperations(this.#parts, {
      ...this.#flows,
      submit: async (input) => this.#begun(await store.create(input)),
    })
    this.#sessions = createJobSessions(this.#parts)
    this.#registry = createJobRegistry(this.#parts)
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
  ): ReturnType<JobManager['submit']> {
    throwIfAborted(options)
    this.#checkOpen()
    return this.#begun(await this.#parts.store.create(newJobOf(input)))
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
    { jobId, after = 0, attempt }: Parameters<JobManager['log']>[0],
    options?: CallOptions,
  ): AsyncIterable<JobLogLine> {
    const { store } = this.#parts
    const record = await this.#known(jobId)
    const { first, end } = attempt === undefined ? everyLine : (linesOfAttempt(record, attempt) ?? noLine)
    for await (const { number, line } of store.lines(jobId, Math.max(after, first - 1))) {
      throwIfAborted(options)
      if (number >= end) return
      yield line
    }
  }

  async *attempts({ jobId }: { readonly jobId: string }, options?: CallOptions): AsyncIterable<JobAttempt> {
    const record = await this.#known(jobId)
    for (const each of attemptsOf(record)) {
      throwIfAborted(options)
      yield each
    }
  }

  watch(input: JobFilter & { readonly lines?: boolean }, options?: CallOptions): AsyncIterable<JobEvent> {
    return watchJobs(this.#parts.store, input, this.#closing.signal, options)
  }

  wait({ jobId }: { readonly jobId: string }, options?: CallOptions): Promise<Job> {
    // The end of a job that is not final is yet to be told.
    return this.#state === 'running' && this.#parts.store.current(jobId) !== undefined
      ? this.#finals.wait(jobId, options?.signal)
      : this.#waitOrRead(jobId, options)
  }

  cancel: JobManager['cancel'] = (input) => this.#operations.cancel(input)
  suspend: JobManager['suspend'] = (input) => this.#operations.suspend(input)
  resume: JobManager['resume'] = (input) => this.#operations.resume(input)
  restart: JobManager['restart'] = (input) => this.#operations.restart(input)
  setPriority: JobManager['setPriority'] = (input) => this.#operations.setPriority(input)

  async purge({ endedBefore }: { readonly endedBefore: number }): Promise<{ readonly purged: number }> {
    return { purged: await this.#parts.store.purge(endedBefore) }
  }

  async explain({ jobId }: { readonly jobId: string }, options?: CallOptions): Promise<Explanation> {
    const { store, broker } = this.#parts
    const job = await store.view(jobId)
    if (job === undefined) throw unknownJob(jobId)
    const record = store.current(jobId)
    if (record === undefined || job.state === 'done') return explainJob(job)
    const rest = explainRest(record)
    if (rest !== undefined) return rest
    if (record.phase === 'parent') {
      if (job.state === 'active') return explainJob(job)
      for (const { id, stream = '-' } of store.unfinishedChildren(jobId)) {
        const child = await this.explain({ jobId: id }, options)
        if (child.waiting) return explainParent(jobId, { stream }, child)
      }
      return explainJob(job)
    }
    const explanation = await broker.explain({ jobId }, options)
    if (explanation.waiting) return explanation
    const silentSince =
      record.phase === 'running' ? this.#watch.silentSince(job.mediaServer ?? '') : undefined
    return explainJob(job, silentSince === undefined ? undefined : this.#parts.clock.now() - silentSince)
  }

  register: JobRegistry['register'] = (input) => this.#registry.register(input)
  update: JobRegistry['update'] = (input) => this.#registry.update(input)
  finish: JobRegistry['finish'] = (input) => this.#registry.finish(input)

  requestMedia: JobSessions['requestMedia'] = (input) => this.#sessions.requestMedia(input)
  progress: JobSessions['progress'] = (input) => this.#sessions.progress(input)
  checkpoint: JobSessions['checkpoint'] = (input) => this.#sessions.checkpoint(input)
  sessionEnded: JobSessions['sessionEnded'] = (input) => this.#sessions.sessionEnded(input)

  makeRoom(input: { readonly storageUnit: string; readonly bytes: number }): Promise<RoomMade> {
    return this.#housekeeping.makeRoom(input)
  }

  cleanImages(): Promise<CleanupReport> {
    return this.#housekeeping.clean()
  }

  async #start(): Promise<void> {
    await this.#stopped
    this.#stopped = undefined
    this.#state = 'new'
    this.#closing = new AbortController()
    const { store, running, earlyReports } = this.#parts
    await store.start()
    for (const record of store.unfinished()) {
      const state = stateOf(record)
      if (state === 'active') this.#active.add(record.id)
      if (state === 'waiting-for-retry') this.#waiting.add(record.id)
    }
    const recovered = (this.#recovered = recover(this.#parts, this.#flows))
    // Whoever waits for the recovery hears of its failure from `start`.
    recovered.catch(() => undefined)
    const orphans = await recovered
    this.#recovered = undefined
    await this.#flows.recovered()
    earlyReports.clear()
    if (this.#stopped !== undefined)
      throw new NbError('manager-stopping', 'the job manager was stopped while it started')
    this.#state = 'running'
    if (running.size > 0) this.#watch.wake()
    this.#housekeeping.start(orphans)
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping'
    const { leases, requests, store, clock, log, stopTimeoutMs } = this.#parts
    this.#watch.stop()
    const reason = new NbError('manager-stopping', 'the job manager is ending')
    this.#flows.stop(reason)
    for (const { id } of store.unfinished()) requests.refuse(id, reason)
    const limit = new AbortController()
    const cancel = clock.setTimer(stopTimeoutMs, () => limit.abort(), { keepAlive: true })
    try {
      await unlessAborted(this.#flows.settled(), limit.signal)
      await unlessAborted(requests.settled(), limit.signal)
    } catch (error) {
      log.error('%d jobs did not end in time; the next start takes them up: %o', this.#flows.tasks, error)
    } finally {
      cancel()
      leases.letAllGo()
      this.#closing.abort(reason)
      this.#finals.giveUp(reason)
      this.#started = undefined
    }
    await this.#housekeeping.stop()
  }

  #checkOpen(): void {
    if (this.#state === 'running') return
    const text = this.#state === 'new' ? 'the job manager is not started' : 'the job manager is ending'
    throw new NbError('manager-stopping', text)
  }

  /** Sets what has been put on the list going. */
  #begun({ jobId, created, children }: Created): Awaited<ReturnType<JobManager['submit']>> {
    if (children === undefined) {
      if (created) {
        this.#events.emit('job:submitted', { jobId })
        this.#flows.begin(jobId)
      }
      return { jobId }
    }
    if (created) {
      this.#events.emit('job:submitted', { jobId })
      for (const child of children) this.#events.emit('job:submitted', { jobId: child.jobId })
      for (const child of children) this.#flows.begin(child.jobId)
    }
    return { jobId, children }
  }

  async #waitOrRead(jobId: string, options?: CallOptions): Promise<Job> {
    throwIfAborted(options)
    const { store } = this.#parts
    // A job that is not among the current ones is final, unknown, or not read in yet. One that is not final and yet not among
    // them, twice, is damaged: it is waited for in vain.
    for (let looks = 0; looks < 2 && store.current(jobId) === undefined; looks++) {
      const job = await store.view(jobId)
      if (job === undefined) throw unknownJob(jobId)
      if (job.status !== undefined) return job
    }
    this.#closing.signal.throwIfAborted()
    return this.#finals.wait(jobId, options?.signal)
  }

  async #known(jobId: string): Promise<JobRecord> {
    const { store } = this.#parts
    const record = store.current(jobId) ?? (await store.read(jobId))
    if (record === undefined) throw unknownJob(jobId)
    return record
  }

  #onChanged(change: ToldChange): void {
    const { jobId, parentId, state, was, status } = change
    if (state === 'active' && this.#state === 'running') this.#watch.wake()
    if (!change.isMove) return
    if (waitsByItself(state) || waitsByItself(was)) this.#flows.changed(jobId)
    if (state === 'active' && !this.#active.has(jobId)) {
      this.#active.add(jobId)
      this.#events.emit('job:active', { jobId })
    }
    // Only what was active, or what is not known to have been something else, can be among them.
    if (state !== 'active' && (was === 'active' || was === undefined)) this.#active.delete(jobId)
    const retryAt = state === 'waiting-for-retry' ? change.job.retryAt : undefined
    if (retryAt !== undefined) this.#tellRetry(jobId, retryAt)
    else if (was !== 'active') this.#waiting.delete(jobId)
    if (status === undefined) return
    if (parentId !== undefined) this.#flows.lookAfterParts(parentId)
    this.#events.emit('job:finished', { jobId, status })
    this.#finals.tell(change)
  }

  #tellRetry(jobId: string, retryAt: number): void {
    const rest = this.#parts.store.current(jobId)?.rest
    if (rest === undefined || this.#waiting.has(jobId)) return
    this.#waiting.add(jobId)
    this.#events.emit('job:waiting-for-retry', { jobId, status: rest.status, retryAt })
  }
}

/** Whether a job in this state may wait for a time; of a state that nobody was told nothing is known. */
function waitsByItself(state: JobState | undefined): boolean {
  return state !== 'active' && state !== 'done'
}

/** The job that a request asks for. Throws `argument-invalid` for one that can't be. */
function newJobOf(input: BackupJobRequest | WorkJobRequest): NewJob {
  if ('schedule' in input) {
    checkBackupRequest(input)
    return { kind: 'backup', request: input }
  }
  checkWorkRequest(input)
  return { kind: 'work', request: input }
}

const everyLine = { first: 1, end: Infinity }
const noLine = { first: 1, end: 0 }
