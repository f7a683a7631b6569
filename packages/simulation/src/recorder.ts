import type { Allocation, Clock, JobManager, MediaManagerEvents } from '@nb/contracts'
import type { JobRecord, ToldChange } from '@nb/jobmanager'
import type { SimulatedJob } from './results.ts'
import { TimeSeries, seriesStepMs } from './time-series.ts'
import type { Waits } from './waits.ts'

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** A job that has not ended, and whether it waits on the queue. */
interface LivingJob {
  readonly record: Writable<SimulatedJob>
  waits: boolean
}

/** Notes what happens to jobs and drives, as the components tell it. */
export class Recorder {
  readonly #clock: Clock
  readonly #from: number
  /** In order of submission. */
  readonly #jobs: Writable<SimulatedJob>[] = []
  /** Those that have not ended; what happens is about them. */
  readonly #living = new Map<string, LivingJob>()
  #byId: ReadonlyMap<string, SimulatedJob> = new Map()
  readonly #queuedMs: TimeSeries
  readonly #mostQueued: number[] = []
  #queued = 0
  #queuedSince: number
  /** Drives that are held: by how many jobs, and until when that is counted. */
  readonly #held = new Map<string, { jobs: number; since: number }>()
  readonly #heldMs = new Map<string, TimeSeries>()
  readonly #driveOf = new Map<string, string>()
  readonly #closesAt = new Map<string, number>()

  readonly #waits: Pick<Waits, 'left' | 'ended'>

  /** `waits` is told of each job that does not wait on the queue any more, and of each that has ended. */
  constructor(clock: Clock, from: number, waits: Pick<Waits, 'left' | 'ended'>) {
    this.#waits = waits
    this.#clock = clock
    this.#from = from
    this.#queuedSince = from
    this.#queuedMs = new TimeSeries(from)
  }

  /** The job manager that a scheduler asks, which notes until when a job's window is open. */
  noting<Jobs extends Pick<JobManager, 'submit' | 'wait' | 'attempts'>>(
    jobs: Jobs,
  ): Pick<JobManager, 'submit' | 'wait' | 'attempts'> {
    return {
      submit: (input, options) => {
        if ('policy' in input && 'windowClosesAt' in input && input.windowClosesAt !== undefined)
          this.#closesAt.set(input.requestId, input.windowClosesAt)
        const submitted = jobs.submit(input, options)
        return submitted.then((answer) => {
          this.#assignWindow(input.requestId, [
            answer.jobId,
            ...(answer.children ?? []).map(({ jobId }) => jobId),
          ])
          return answer
        })
      },
      wait: (input, options) => jobs.wait(input, options),
      attempts: (input, options) => jobs.attempts(input, options),
    }
  }

  /** A job has changed. What is noted of it changes when it moves on. */
  jobChanged({ record: job, state, status, isMove }: ToldChange): void {
    // A parent does nothing itself: its children are the jobs.
    if (!isMove || job.children !== undefined) return
    let living = this.#living.get(job.id)
    if (living === undefined) {
      living = { record: newRecord(job), waits: false }
      this.#living.set(job.id, living)
      this.#jobs.push(living.record)
    }
    const { record } = living
    if (job.activeAt !== undefined) record.activeAt = job.activeAt
    if (job.mediaServer !== undefined) record.mediaServer = job.mediaServer
    if (job.storageUnit !== undefined) record.storageUnit = job.storageUnit
    if (job.endedAt !== undefined) record.endedAt = job.endedAt
    record.attempts = job.attempt.number
    if (status !== undefined) {
      record.status = status
      record.bytes = status <= 1 ? (job.progress?.bytes ?? 0) : 0
      this.#living.delete(job.id)
    }
    const waits = state === 'queued'
    if (waits !== living.waits) {
      living.waits = waits
      this.#noteQueue(waits)
      if (!waits) this.#waits.left(job.id)
    }
    if (status !== undefined) this.#waits.ended(job.id, record.policy)
  }

  /** Resources were set aside. */
  allocated({ allocation }: MediaManagerEvents['allocation:made']): void {
    const drive = driveOf(allocation)
    if (drive === undefined) return
    this.#driveOf.set(allocation.allocationId, drive)
    const held = this.#held.get(drive)
    if (held === undefined) this.#held.set(drive, { jobs: 1, since: this.#clock.now() })
    else held.jobs += 1
  }

  /** Resources were given back. */
  released({ allocationId }: MediaManagerEvents['allocation:released']): void {
    const drive = this.#driveOf.get(allocationId)
    const held = drive === undefined ? undefined : this.#held.get(drive)
    if (drive === undefined || held === undefined) return
    this.#driveOf.delete(allocationId)
    held.jobs -= 1
    if (held.jobs > 0) return
    this.#held.delete(drive)
    this.#countHeld(drive, held.since)
  }

  /** Jobs in order of submission. */
  jobs(): SimulatedJob[] {
    return [...this.#jobs]
  }

  /** How many jobs there were. */
  get count(): number {
    return this.#jobs.length
  }

  /** A job by its id. */
  job(jobId: string): SimulatedJob | undefined {
    if (this.#byId.size !== this.#jobs.length) this.#byId = new Map(this.#jobs.map((job) => [job.id, job]))
    return this.#byId.get(jobId)
  }

  /** Milliseconds in which a drive was held, by the hour. */
  heldMs(drive: string, until: number): number[] {
    const held = this.#held.get(drive)
    if (held !== undefined) {
      this.#countHeld(drive, held.since)
      held.since = this.#clock.now()
    }
    return this.#heldOf(drive).until(until)
  }

  /** Jobs on the queue by the hour: on average, and the most at once. */
  queue(until: number): { readonly mean: number[]; readonly most: number[] } {
    this.#countQueue()
    const mean = this.#queuedMs.until(until).map((ms) => ms / seriesStepMs)
    return { mean, most: mean.map((_, hour) => this.#mostQueued[hour] ?? 0) }
  }

  #assignWindow(requestId: string, jobIds: readonly string[]): void {
    const closesAt = this.#closesAt.get(requestId)
    this.#closesAt.delete(requestId)
    if (closesAt === undefined) return
    for (const jobId of jobIds) {
      const record = this.#living.get(jobId)?.record ?? this.#jobs.findLast(({ id }) => id === jobId)
      if (record !== undefined) record.windowClosesAt = closesAt
    }
  }

  #noteQueue(waits: boolean): void {
    this.#countQueue()
    this.#queued += waits ? 1 : -1
    this.#noteMost(this.#clock.now())
  }

  #countQueue(): void {
    const now = this.#clock.now()
    this.#queuedMs.add(this.#queuedSince, now, this.#queued * (now - this.#queuedSince))
    for (let at = this.#queuedSince; at <= now; at += seriesStepMs) this.#noteMost(at)
    this.#noteMost(now)
    this.#queuedSince = now
  }

  #noteMost(at: number): void {
    const hour = Math.floor((at - this.#from) / seriesStepMs)
    this.#mostQueued[hour] = Math.max(this.#mostQueued[hour] ?? 0, this.#queued)
  }

  #countHeld(drive: string, since: number): void {
    const now = this.#clock.now()
    this.#heldOf(drive).add(since, now, now - since)
  }

  #heldOf(drive: string): TimeSeries {
    const series = this.#heldMs.get(drive) ?? new TimeSeries(this.#from)
    this.#heldMs.set(drive, series)
    return series
  }
}

function driveOf({ medium }: Allocation): string | undefined {
  return medium.kind === 'tape' ? medium.drive : undefined
}

function newRecord(job: JobRecord): Writable<SimulatedJob> {
  const { id, type, policy, client, stream, schedule, scheduleType, submittedAt } = job
  return {
    id,
    type,
    ...(policy === undefined ? {} : { policy }),
    client,
    ...(stream === undefined ? {} : { stream }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(scheduleType === undefined ? {} : { scheduleType }),
    submittedAt,
    bytes: 0,
    attempts: 1,
  }
}
