import { randomUUID } from 'node:crypto'
import {
  type Catalog,
  type Clock,
  type Emitter,
  type JobLimits,
  type JobLog,
  type JobManager,
  type JobOrigin,
  type Logger,
  type PlannedRun,
  type Policy,
  type PolicyClientTask,
  type Schedule,
  type SchedulerEvents,
  SerialQueue,
  asNbError,
  counted,
  describeStatus,
  isAbortError,
} from '@nb/contracts'
import { type AttemptLimits, nextTryAt, withinPeriod } from './attempts.ts'
import { nextRun } from './due.ts'
import { lastBackups } from './last-backups.ts'
import type { TaskRecord, TaskRun, TaskStore } from './task-store.ts'

/** What tasks work with. */
export interface TaskContext {
  readonly jobs: Pick<JobManager, 'submit' | 'wait'>
  readonly catalog: Pick<Catalog, 'listImages'>
  readonly jobLog: JobLog
  readonly clock: Clock
  readonly store: TaskStore
  readonly events: Emitter<SchedulerEvents>
  readonly log: Logger
  readonly timeZone: string
  readonly attempts: AttemptLimits
  readonly limitsFor: (policy: Policy, client: string) => JobLimits
  /** Aborts when the scheduler stops. */
  readonly stopping: AbortSignal
}

/** Longest wait before the catalog is asked again: an image may have expired meanwhile. */
const longestWaitMs = 3_600_000
const troubleDelayMs = 60_000

/**
 * One policy, one client: computes when it runs next, starts its job, waits for the end, and again.
 *
 * A task waits (a timer is set for its next run) or runs (it follows one or more jobs). Only a waiting task starts a
 * job by itself. A job that failed is tried again while its tries last; then the task waits until the oldest has aged
 * out. A policy that is not active has no timer; its runs are followed to their end.
 */
export class PolicyClientTaskRunner {
  readonly #context: TaskContext
  #policy: Policy | undefined
  #record: TaskRecord
  #next: PlannedRun | undefined
  #cancelTimer: () => void = () => {}
  readonly #work: SerialQueue = new SerialQueue()
  readonly #following = new Set<Promise<void>>()

  constructor(context: TaskContext, record: TaskRecord) {
    this.#context = context
    this.#record = record
  }

  /** Takes up a new or changed policy, or its removal, and computes the next run. */
  refresh(policy: Policy | undefined): Promise<void> {
    this.#policy = policy
    return this.#work.run(() => this.#evaluate())
  }

  /** Goes on with the runs of before a restart: asks for their jobs again by the same request, or waits for them. */
  async resume(policy: Policy | undefined): Promise<void> {
    this.#policy = policy
    await this.#work.run(async () => {
      for (const run of this.#record.runs) await this.#resumeRun(run)
      await this.#evaluate()
    })
  }

  /** Starts a job by hand. */
  runNow(schedule: Schedule): Promise<{ readonly jobId: string }> {
    return this.#work.run(() => this.#start(schedule, 'immediate', 'started by hand'))
  }

  /** No timer fires and no job is followed any more; jobs go on by themselves. */
  async stop(): Promise<void> {
    this.#cancelTimer()
    await this.#work.settled()
    this.#cancelTimer()
    await Promise.all(this.#following)
  }

  /** Whether it follows jobs. */
  get running(): boolean {
    return this.#record.runs.length > 0
  }

  /** How it is now. */
  describe(): PolicyClientTask {
    const { policy, client, lastStatus, runs } = this.#record
    const jobId = runs.find((run) => run.jobId !== undefined)?.jobId
    const blocked =
      this.#next !== undefined && this.#next.startsAt > this.#next.dueAt && this.#record.failures.length > 0
    const state =
      runs.length > 0
        ? 'running'
        : this.#policy?.active !== true
          ? 'inactive'
          : blocked
            ? 'blocked'
            : 'waiting'
    const reason =
      state === 'inactive'
        ? 'the policy is not active'
        : `tried ${counted(this.#record.failures.length, 'time')}`
    return {
      policy,
      client,
      state,
      ...(this.#next === undefined ? {} : { next: this.#next }),
      ...(jobId === undefined ? {} : { jobId }),
      ...(state === 'inactive' || state === 'blocked' ? { reason } : {}),
      ...(lastStatus === undefined ? {} : { lastStatus }),
    }
  }

  /** Computes the next run; starts it when its time has come, else sets the timer. */
  async #evaluate(): Promise<void> {
    const { clock, catalog, timeZone, attempts, stopping, log } = this.#context
    this.#cancelTimer()
    this.#next = undefined
    const policy = this.#policy
    if (stopping.aborted || policy === undefined) return
    try {
      const { client, failures } = this.#record
      const last = await lastBackups(catalog, policy, client, { signal: stopping })
      const now = clock.now()
      const notBefore = Math.max(now, nextTryAt(withinPeriod(failures, now, attempts), attempts))
      this.#next = nextRun({ policy, client, last, notBefore, timeZone })
      if (this.#next === undefined || this.running) return
      if (this.#next.startsAt > now) this.#wake(Math.min(this.#next.startsAt - now, longestWaitMs))
      else await this.#startDue(policy, this.#next)
    } catch (error) {
      if (stopping.aborted) return
      log.error('%s/%s: %o', this.#record.policy, this.#record.client, error)
      this.#wake(troubleDelayMs)
    }
  }

  #wake(delayMs: number): void {
    const again = (): void => void this.#work.run(() => this.#evaluate())
    this.#cancelTimer = this.#context.clock.setTimer(delayMs, again)
  }

  async #startDue(policy: Policy, run: PlannedRun): Promise<void> {
    const schedule = policy.schedules.find(({ name }) => name === run.schedule) as Schedule
    const due = run.dueAt === 0 ? 'no backup yet' : `due since ${new Date(run.dueAt).toISOString()}`
    await this.#start(schedule, 'scheduled', due)
  }

  /** Step 1: notes the intent durably, then sends Job Start. */
  async #start(schedule: Schedule, origin: JobOrigin, why: string): Promise<{ readonly jobId: string }> {
    const run: TaskRun = {
      requestId: randomUUID(),
      schedule: schedule.name,
      origin,
      startedAt: this.#context.clock.now(),
    }
    await this.#save({ ...this.#record, runs: [...this.#record.runs, run] })
    try {
      return await this.#submit(run, schedule, why)
    } catch (error) {
      await this.#save({
        ...this.#record,
        runs: this.#record.runs.filter(({ requestId }) => requestId !== run.requestId),
      })
      throw error
    }
  }

  async #submit(run: TaskRun, schedule: Schedule, why: string): Promise<{ readonly jobId: string }> {
    const { jobs, clock, events, limitsFor } = this.#context
    const { client } = this.#record
    const policy = this.#policy as Policy
    const text = `policy ${policy.name}, client ${client}, schedule ${schedule.name} (${schedule.type}): ${why}; Job Start`
    const { jobId } = await jobs.submit({
      requestId: run.requestId,
      type: 'backup',
      origin: run.origin,
      policy,
      schedule,
      client,
      limits: limitsFor(policy, client),
      lines: [
        {
          time: clock.now(),
          component: 'scheduler',
          severity: 'info',
          step: { flow: 'backup', number: 1 },
          text,
        },
      ],
    })
    const known = { ...run, jobId }
    await this.#save({
      ...this.#record,
      runs: this.#record.runs.map((other) => (other.requestId === run.requestId ? known : other)),
    })
    events.emit('task:started', { policy: policy.name, client, schedule: schedule.name, jobId })
    this.#follow(known)
    return { jobId }
  }

  async #resumeRun(run: TaskRun): Promise<void> {
    if (run.jobId !== undefined) {
      this.#follow(run as TaskRun & { readonly jobId: string })
      return
    }
    const schedule = this.#policy?.schedules.find(({ name }) => name === run.schedule)
    if (schedule === undefined) {
      await this.#save({ ...this.#record, runs: this.#record.runs.filter((other) => other !== run) })
    } else await this.#submit(run, schedule, 'asked for before a restart')
  }

  #follow(run: TaskRun & { readonly jobId: string }): void {
    const following = this.#untilEnd(run)
      .catch((error: unknown) => {
        if (!isAbortError(error)) this.#context.log.error('job %s: %o', run.jobId, error)
      })
      .finally(() => this.#following.delete(following))
    this.#following.add(following)
  }

  async #untilEnd(run: TaskRun & { readonly jobId: string }): Promise<void> {
    const { jobs, stopping, clock } = this.#context
    for (;;) {
      try {
        const job = await jobs.wait({ jobId: run.jobId }, { signal: stopping })
        return await this.#work.run(() => this.#finished(run, job.status ?? 801))
      } catch (error) {
        const known = asNbError(error)
        if (known.code === 'job-unknown') return await this.#work.run(() => this.#finished(run, known.status))
        if (!known.retryable || stopping.aborted) throw error
        await clock.sleep(troubleDelayMs, { signal: stopping })
      }
    }
  }

  /** Step 17: notes success or failure, computes the new due time, and tells it in the job's log. */
  async #finished(run: TaskRun & { readonly jobId: string }, status: number): Promise<void> {
    const { jobLog, clock, events, attempts, log } = this.#context
    const { policy, client } = this.#record
    const failures =
      status <= 1 ? [] : [...withinPeriod(this.#record.failures, clock.now(), attempts), run.startedAt]
    const runs = this.#record.runs.filter(({ requestId }) => requestId !== run.requestId)
    await this.#save({ ...this.#record, runs, failures, lastStatus: status })
    await this.#evaluate()
    const next =
      this.#next === undefined
        ? 'no further run'
        : `next: ${this.#next.schedule} at ${new Date(this.#next.startsAt).toISOString()}`
    const text = `told that the job ended with ${describeStatus(status)}; ${status <= 1 ? '' : `${failures.length} of ${attempts.tries} tries used; `}${next}`
    await jobLog
      .append({
        jobId: run.jobId,
        lines: [
          {
            time: clock.now(),
            component: 'scheduler',
            severity: 'info',
            step: { flow: 'backup', number: 17 },
            text,
          },
        ],
      })
      .catch((error: unknown) => log.error('job log of %s: %o', run.jobId, error))
    const nextAt = this.#next?.startsAt
    events.emit('task:finished', {
      policy,
      client,
      jobId: run.jobId,
      status,
      ...(nextAt === undefined ? {} : { nextAt }),
    })
  }

  async #save(record: TaskRecord): Promise<void> {
    await this.#context.store.put(record)
    this.#record = record
  }
}
