import type {
  Clock,
  Job,
  JobFilter,
  JobLog,
  JobLogLine,
  Lifecycle,
  Logger,
  NbError,
  Observable,
  Store,
} from '@nb/contracts'
import type { NumberedLine } from './job-lines.ts'
import type { ChildJob, JobRecord } from './job-record.ts'
import type { ToldFacts } from './job-view.ts'
import type { NewJob } from './new-records.ts'
import type { ToldChange } from './told-change.ts'
import type { JobChange } from './transitions.ts'

export type { NewJob } from './new-records.ts'

/** What a job store asks for. */
export interface JobStoreComponents {
  /** Where jobs and their logs are kept, in sublevels of its own. */
  readonly store: Store
  readonly clock: Clock
  /** @default `debugLogger('nb:jobmanager:store')` */
  readonly log?: Logger
}

/** Options of {@link createJobStore}. */
export interface JobStoreOptions {
  /** How long a job and its log are kept after it ended, milliseconds, at least 3600000. @default 30 days */
  readonly keepJobsMs?: number
  /** Whether jobs have logs. Without, lines are dropped: neither written nor told, nor made where that takes time. @default true */
  readonly keepsLines?: boolean
}

/** Events of a job store. */
export interface JobStoreEvents {
  /** When something that lists show of a job has changed; for what must not be lost, after it is durable. */
  'job:changed': ToldChange
  /** When a line has been written. */
  'line:appended': { readonly jobId: string; readonly number: number; readonly line: JobLogLine }
  /** When something stored can't be read. */
  'store:corrupt': { readonly key: string; readonly message: string }
}

/** A job in memory. */
export interface KeptJob {
  readonly current: JobRecord
}

/** The job of a request. */
export interface Created {
  readonly jobId: string
  /** Whether it is new. */
  readonly created: boolean
  /** In the order of the request's streams. */
  readonly children?: readonly ChildJob[]
}

/**
 * The jobs database: a record and a detail log per job. Everyone appends lines through {@link JobLog}; only the job
 * manager uses the rest.
 *
 * Obligations: ids are decimal numbers that are never used twice; what `create` and the reportable changes answered
 * with survives a loss of power; views show nothing that a crash could take back.
 */
export interface JobStore extends JobLog, Required<Lifecycle>, Observable<JobStoreEvents> {
  /**
   * Steps 2 of a backup and 3 of a restore: a new job, with streams the parent and all its parts in one durable write. The
   * same request id answers with the same job. Rejects with `request-duplicate` when the id was used for another type of
   * job.
   */
  create(input: NewJob): Promise<Created>
  /** Changes a job that is not final. Rejects with `job-unknown`, `state-conflict`. */
  apply(jobId: string, change: JobChange, lines?: readonly JobLogLine[]): Promise<JobRecord>
  /**
   * A change that is written down with the next one, and that a crash before that takes back. Throws `job-unknown`,
   * `state-conflict`.
   */
  note(jobId: string, change: JobChange): void
  /** Facts that are shown at once and written down with the next change. */
  show(jobId: string, facts: ToldFacts): void
  /** The record to decide by, for jobs that are not final. */
  current(jobId: string): JobRecord | undefined
  /** Where that record is found without a look for it; after its end, the last there was. */
  kept(jobId: string): KeptJob | undefined
  /** Whether lines are kept; see {@link JobStoreOptions.keepsLines}. */
  readonly keepsLines: boolean
  /** The number that the next line of an unfinished job's log will have. */
  nextLine(jobId: string): number
  /** All jobs that are not final, oldest first. */
  unfinished(): readonly JobRecord[]
  /** Those of them whose flow is another's. */
  registered(): Iterable<JobRecord>
  /** The parts of a parent that are not final. */
  unfinishedChildren(jobId: string): readonly JobRecord[]
  /** The stored record of any job. Rejects with `store-corrupt`. */
  read(jobId: string): Promise<JobRecord | undefined>
  /** A job as lists show it. Rejects with `store-corrupt`. */
  view(jobId: string): Promise<Job | undefined>
  /** Jobs, newest first; records that can't be read are left out and reported. */
  list(filter: JobFilter): AsyncIterable<Job>
  /** The lines after line `after`, up to those appended before the call. */
  lines(jobId: string, after: number): AsyncIterable<NumberedLine>
  /**
   * Removes jobs that ended before a time, with their logs and request ids, parents after their parts. Gives how many.
   * @default before the time that {@link JobStoreOptions.keepJobsMs} tells
   */
  purge(endedBefore?: number): Promise<number>
  /** What was found damaged so far. */
  readonly damage: readonly NbError[]
}
