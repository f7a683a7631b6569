import type { Job, JobState } from '@nb/contracts'
import type { JobPhase, JobRecord } from './job-record.ts'

/** A change of a job, as its store tells it. */
export interface ToldChange {
  readonly jobId: string
  readonly parentId: string | undefined
  /** The state that lists show. */
  readonly state: JobState
  /** The state that was told before, since the start of the store. */
  readonly was: JobState | undefined
  /** Once the job is done for good. */
  readonly status: number | undefined
  /** Whether it goes on from one stage to another, rather than tells more of the one that it is in. */
  readonly isMove: boolean
  /** Its record as it is written; changed facts that are shown before that are not in it. */
  readonly record: JobRecord
  /** The job as lists show it; made for those who ask for it while the change is told, since few want it of every change. */
  readonly job: Job
}

/** Phases that differ only in how far an active job is. */
const active: ReadonlySet<JobPhase> = new Set<JobPhase>(['granted', 'imaged', 'running', 'working'])

/** The part of its life that a job is in: within one, what it waits for by itself stays the same. */
export function stageOf({ phase }: JobRecord): JobPhase {
  return active.has(phase) ? 'running' : phase
}

/** See {@link ToldChange}; the entry is asked when somebody asks. */
export class Told<Kept extends { readonly shown: JobRecord }> implements ToldChange {
  readonly jobId: string
  readonly parentId: string | undefined
  readonly state: JobState
  readonly was: JobState | undefined
  readonly status: number | undefined
  readonly isMove: boolean
  readonly record: JobRecord
  readonly #entries: { view(entry: Kept): Job }
  readonly #entry: Kept
  #job: Job | undefined

  constructor(
    entries: { view(entry: Kept): Job },
    entry: Kept,
    state: JobState,
    was: JobState | undefined,
    isMove: boolean,
  ) {
    const { shown } = entry
    this.jobId = shown.id
    this.parentId = shown.parentId
    this.state = state
    this.was = was
    this.status = shown.phase === 'final' ? shown.ending?.status : undefined
    this.isMove = isMove
    this.record = shown
    this.#entries = entries
    this.#entry = entry
  }

  get job(): Job {
    this.#job ??= this.#entries.view(this.#entry)
    return this.#job
  }
}
