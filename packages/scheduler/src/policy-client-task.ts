import {
  type BackupJobRequest,
  type CallOptions,
  type PlannedRun,
  type Policy,
  type PolicyClientTask,
  type Schedule,
  SerialQueue,
  asNbError,
  isAbortError,
} from '@nb/contracts'
import { isSuccess } from './attempts.ts'
import { BackupMemory } from './backup-memory.ts'
import { askFileSystems } from './discovery.ts'
import { type JobEnd, endOf } from './job-end.ts'
import { endLine, jobRequest, keptBy, type KeptPeriods } from './job-request.ts'
import { triesOf } from './job-tries.ts'
import type { BackupsOf, KnownBackups } from './last-backups.ts'
import { newRun } from './new-run.ts'
import { whyNothingStarts } from './no-run.ts'
import { type FollowedPart, type KnownRun, withEnd, withJobs, withRun } from './run-changes.ts'
import { type StreamPlan, planStream } from './stream-plan.ts'
import { describeStream, stateAfter } from './stream-state.ts'
import { type ClientStream, needsFileSystems, streamsOf } from './streams.ts'
import { type StartFacts, factsOf } from './start-facts.ts'
import type { TaskContext } from './task-context.ts'
import { type RunPart, type TaskRecord, type TaskRun, wholeClient } from './task-store.ts'

const troubleDelayMs = 60_000
/** Refusals after which there is certainly no job of the request. */
const refusals: readonly string[] = ['argument-invalid', 'not-supported']

const noPlans: readonly StreamPlan[] = []
const noTries: readonly number[] = []

type PlannedFor = BackupsOf & { readonly streams: readonly ClientStream[] }

/**
 * One policy, one client: computes when each of its streams runs next, starts the job, waits for the end, and again.
 *
 * A stream waits (a timer is set for the next run) or runs (its job is followed). Only a waiting stream starts by itself;
 * those that are due at once under one schedule start as one request. A job that failed has used up its tries; then the
 * stream waits until the oldest has aged out. A run whose request has got no answer is asked for again, by the same id,
 * until there is one. A policy that is not active has no timer; its runs are followed to their end.
 */
export class PolicyClientTaskRunner {
  readonly #context: TaskContext
  #policy: Policy | undefined
  #quietUntil = 0
  #record: TaskRecord
  /** One for each of the client's streams. */
  #plans: readonly StreamPlan[] = noPlans
  readonly #backups: BackupMemory
  #trouble: string | undefined
  #cancelTimer: () => void = () => {}
  readonly #work: SerialQueue = new SerialQueue()
  readonly #following = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  /** For all calls; a signal of its own, since one for all tasks would have thousands of listeners. */
  readonly #calls: CallOptions = { signal: this.#stopping.signal }

  constructor(context: TaskContext, record: TaskRecord) {
    this.#context = context
    this.#record = record
    this.#backups = new BackupMemory(context.catalog, context.recheckMs)
  }

  /** Takes up a new or changed policy, or its removal, and computes the next runs; none starts before `quietUntil`. */
  refresh(policy: Policy | undefined, quietUntil = 0): Promise<void> {
    this.#policy = policy
    this.#quietUntil = Math.max(this.#quietUntil, quietUntil)
    return this.#work.run(() => this.#evaluate())
  }

  /** Goes on with the runs of before a restart: waits for their jobs, or asks for them again by the same request. */
  async resume(policy: Policy | undefined): Promise<void> {
    this.#policy = policy
    await this.#work.run(async () => {
      for (const run of this.#record.runs) {
        for (const part of run.parts) if (part.jobId !== undefined) this.#follow(run, part as FollowedPart)
      }
      await this.#evaluate()
    })
  }

  /** Starts all streams by hand. */
  runNow(schedule: Schedule): Promise<{ readonly jobId: string }> {
    return this.#work.run(async () => {
      const streams = await this.#askStreams(this.#policy as Policy)
      return this.#start(schedule, streams, streams, { origin: 'immediate', why: 'started by hand' })
    })
  }

  /** The streams of the client, as far as known; asks the client only when nothing is. */
  async streams(policy: Policy): Promise<readonly ClientStream[]> {
    const { fileSystems } = this.#record
    if (!needsFileSystems(policy)) return streamsOf(policy, [])
    return fileSystems === undefined ? this.#askStreams(policy) : streamsOf(policy, fileSystems)
  }

  /** No timer fires and no job is followed any more; jobs go on by themselves. `reason` is why calls end. */
  async stop(reason?: unknown): Promise<void> {
    this.#stopping.abort(reason)
    this.#cancelTimer()
    await this.#work.settled()
    this.#cancelTimer()
    await Promise.all(this.#following)
  }

  /** Whether it follows jobs, or asks for one. */
  get running(): boolean {
    return this.#record.runs.length > 0
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** The policy and the client. */
  get names(): Pick<TaskRecord, 'policy' | 'client'> {
    return this.#record
  }

  /** How its streams are now. */
  describe(): PolicyClientTask[] {
    const keys = new Set(this.#plans.map(({ stream }) => stream.name ?? wholeClient))
    for (const { parts } of this.#record.runs) for (const { stream } of parts) keys.add(stream ?? wholeClient)
    if (keys.size === 0) keys.add(wholeClient)
    return [...keys].sort().map((key) => this.#describeStream(key))
  }

  #describeStream(key: string): PolicyClientTask {
    const { policy, client, streams } = this.#record
    const { clock, attempts } = this.#context
    const plan = this.#planOf(key)
    const isIdle = plan !== undefined && plan.next === undefined
    return describeStream(
      { policy, client, ...(key === wholeClient ? {} : { stream: key }) },
      {
        isActive: this.#policy?.active === true,
        state: streams[key],
        jobId: this.#partOf(key)?.jobId,
        next: plan?.next,
        trouble: this.#trouble,
        never: isIdle && this.#policy !== undefined ? whyNothingStarts(this.#policy) : undefined,
      },
      clock.now(),
      attempts,
    )
  }

  #planOf(key: string): StreamPlan | undefined {
    return this.#plans.find(({ stream }) => (stream.name ?? wholeClient) === key)
  }

  /** The part of a run that a stream has now: of the last run, where it has several. */
  #partOf(key: string): RunPart | undefined {
    let found: RunPart | undefined
    for (const { parts } of this.#record.runs)
      for (const part of parts) if ((part.stream ?? wholeClient) === key) found = part
    return found
  }

  #isRunning({ stream }: StreamPlan): boolean {
    return this.running && this.#partOf(stream.name ?? wholeClient) !== undefined
  }

  /** Computes the next runs; starts those whose time has come, and sets the timer for the others. */
  async #evaluate(): Promise<void> {
    const { log, clock } = this.#context
    this.#cancelTimer()
    this.#plans = noPlans
    this.#trouble = undefined
    if (this.#isStopping) return
    try {
      if (this.running) await this.#askAgain()
      const policy = this.#policy
      if (policy?.active !== true) return
      if (needsFileSystems(policy)) {
        await this.#plan(policy, await this.streams(policy))
        // What the client has now decides, not what it had when it was last asked.
        if (this.#due().length > 0) await this.#plan(policy, await this.#askStreams(policy))
      } else await this.#plan(policy, streamsOf(policy, []))
      const due = this.#due()
      if (due.length > 0) await this.#startDue(policy, due)
      this.#wakeForNext(clock.now())
    } catch (error) {
      if (this.#isStopping) return
      this.#trouble = asNbError(error).message
      log.error('%s/%s: %o', this.#record.policy, this.#record.client, error)
      this.#wake(troubleDelayMs)
    }
  }

  async #startDue(policy: Policy, due: readonly StreamPlan[]): Promise<void> {
    const all = this.#plans.map(streamOf)
    for (const schedule of policy.schedules) {
      const streams = due.filter(({ next }) => next?.schedule === schedule.name)
      const next = streams[0]?.next
      if (next !== undefined) await this.#start(schedule, streams.map(streamOf), all, factsOf(next))
    }
  }

  #plan(policy: Policy, streams: readonly ClientStream[]): Promise<void> {
    const of = { policy, client: this.#record.client, streams }
    return this.#backups
      .ask(of, this.#context.clock.now(), this.#calls)
      .then((known) => this.#planBy(known, of))
  }

  #planBy(known: readonly KnownBackups[], { policy, client, streams }: PlannedFor): void {
    const { clock, timeZone, calendarMidnight, attempts } = this.#context
    const now = clock.now()
    const facts = { policy, client, now, quietUntil: this.#quietUntil, timeZone, calendarMidnight, attempts }
    this.#plans = streams.map((stream, at) => {
      const state = this.#record.streams[stream.name ?? wholeClient]
      return planStream(stream, state, known[at] as KnownBackups, facts)
    })
  }

  /** What is to start now. */
  #due(): StreamPlan[] {
    const now = this.#context.clock.now()
    return this.#plans.filter(
      (plan) => plan.next !== undefined && plan.next.startsAt <= now && !this.#isRunning(plan),
    )
  }

  #wakeForNext(now: number): void {
    let at = Infinity
    for (const plan of this.#plans) {
      const { next, expiresAt } = plan
      if (next === undefined || this.#isRunning(plan)) continue
      at = Math.min(at, next.startsAt, expiresAt > now ? expiresAt : Infinity)
    }
    if (at !== Infinity) this.#wake(Math.min(at, this.#backups.recheckAt) - now)
  }

  #wake(delayMs: number): void {
    const again = (): void => void this.#work.run(() => this.#evaluate())
    this.#cancelTimer = this.#context.clock.setTimer(delayMs, again)
  }

  /** Asks the client what it has, where the policy wants to know, and remembers it. */
  async #askStreams(policy: Policy): Promise<readonly ClientStream[]> {
    if (!needsFileSystems(policy)) return streamsOf(policy, [])
    const { clients } = this.#context
    const { client } = this.#record
    const fileSystems = await askFileSystems(clients, policy.name, client, this.#calls)
    await this.#save({ ...this.#record, fileSystems })
    return streamsOf(policy, fileSystems)
  }

  /** Step 1: notes the intent durably, then sends Job Start. */
  async #start(
    schedule: Schedule,
    streams: readonly ClientStream[],
    all: readonly ClientStream[],
    facts: StartFacts,
  ): Promise<{ readonly jobId: string }> {
    const { clock, attempts } = this.#context
    const run = newRun({ schedule, streams, all, facts, states: this.#record.streams }, clock.now(), attempts)
    await this.#save({ ...this.#record, runs: [...this.#record.runs, run] })
    try {
      return await this.#submit(run, schedule)
    } catch (error) {
      // An answer that got lost may stand for a job. Only a certain refusal, or a person who will ask anew, ends the intent.
      const isCertain = refusals.includes(asNbError(error).code)
      if (isCertain || run.origin === 'immediate') await this.#forget(run)
      throw error
    }
  }

  /** Asks again for what got no answer; gives up what its policy does not have any more. */
  async #askAgain(): Promise<void> {
    for (const run of this.#record.runs.filter(({ parts }) =>
      parts.some((part) => part.jobId === undefined),
    )) {
      const schedule = this.#policy?.schedules.find(({ name }) => name === run.schedule)
      if (schedule === undefined) await this.#forget(run)
      else await this.#submit(run, schedule)
    }
  }

  async #submit(run: TaskRun, schedule: Schedule): Promise<{ readonly jobId: string }> {
    const policy = this.#policy as Policy
    const kept = await keptBy(this.#context.retention, schedule)
    const answer = await this.#context.jobs.submit(this.#request(run, policy, schedule, kept))
    const known = withJobs(run, answer)
    await this.#save(withRun(this.#record, known))
    this.#started(known, policy)
    return answer
  }

  #request(run: TaskRun, policy: Policy, schedule: Schedule, kept: KeptPeriods): BackupJobRequest {
    const { jobLog, clock, limitsFor, attempts } = this.#context
    const { client } = this.#record
    return jobRequest(run, {
      policy,
      schedule,
      client,
      retryDelayMs: attempts.retryDelayMs,
      kept,
      limits: limitsFor(policy, client),
      now: clock.now(),
      isLogged: jobLog !== undefined,
    })
  }

  #started(run: KnownRun, policy: Policy): void {
    const { client } = this.#record
    for (const part of run.parts) {
      const { stream, jobId } = part
      const started = { policy: policy.name, client, schedule: run.schedule, jobId }
      this.#context.events.emit('task:started', stream === undefined ? started : { ...started, stream })
      this.#follow(run, part)
    }
  }

  async #forget(run: TaskRun): Promise<void> {
    const runs = this.#record.runs.filter(({ requestId }) => requestId !== run.requestId)
    await this.#save({ ...this.#record, runs })
  }

  #follow(run: TaskRun, part: FollowedPart): void {
    const following: Promise<void> = this.#untilEnd(run, part).then(
      () => void this.#following.delete(following),
      (error: unknown) => {
        this.#following.delete(following)
        if (!isAbortError(error)) this.#context.log.error('job %s: %o', part.jobId, error)
      },
    )
    this.#following.add(following)
  }

  async #untilEnd(run: TaskRun, part: FollowedPart): Promise<void> {
    const { jobs, clock } = this.#context
    for (;;) {
      try {
        const end = await endOf(jobs, part.jobId, this.#calls)
        const { status } = end
        const tries = isSuccess(status)
          ? noTries
          : await triesOf(jobs, { id: part.jobId, status }, run.startedAt, this.#calls)
        return await this.#work.run(() => this.#finished(run, part, end, tries))
      } catch (error) {
        if (!asNbError(error).retryable || this.#isStopping) throw error
        await clock.sleep(troubleDelayMs, this.#calls)
      }
    }
  }

  /** Step 17: notes success or failure, computes the new due time, and tells it in the job's log. */
  async #finished(
    run: TaskRun,
    part: FollowedPart,
    { status, backupId }: JobEnd,
    tries: readonly number[],
  ): Promise<void> {
    const { clock, attempts, jobLog, log } = this.#context
    const key = part.stream ?? wholeClient
    const state = stateAfter(this.#record.streams[key], run, status, tries, clock.now(), attempts)
    await this.#save(withEnd(this.#record, run, part, state))
    this.#backups.ended(isSuccess(status) ? backupId : undefined)
    await this.#evaluate()
    const next = this.#planOf(key)?.next
    if (jobLog !== undefined) {
      const lines = [endLine(clock.now(), status, state.failures.length, attempts, next)]
      await jobLog
        .append({ jobId: part.jobId, lines })
        .catch((error: unknown) => log.error('job log of %s: %o', part.jobId, error))
    }
    this.#tellEnd(part, status, next)
  }

  #tellEnd({ stream, jobId }: FollowedPart, status: number, next: PlannedRun | undefined): void {
    const { policy, client } = this.#record
    this.#context.events.emit('task:finished', {
      policy,
      client,
      ...(stream === undefined ? {} : { stream }),
      jobId,
      status,
      ...(next === undefined ? {} : { nextAt: next.startsAt }),
    })
  }

  #save(record: TaskRecord): Promise<void> {
    return this.#context.store.put(record).then(() => {
      this.#record = record
    })
  }
}

function streamOf({ stream }: StreamPlan): ClientStream {
  return stream
}
