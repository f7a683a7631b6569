import type {
  Allocation,
  BackupCheckpoint,
  ImageCompletion,
  Job,
  JobAttempt,
  JobLimits,
  JobOrigin,
  JobProgress,
  JobType,
  Json,
  MediaNeed,
  MediaRequest,
  Path,
  Policy,
  RetryRule,
  Schedule,
  ScheduleType,
} from '@nb/contracts'
import type { Rows } from './rows.ts'

/**
 * How far a job is, finer than the state that lists show. See the state machine above `applyChange`.
 *
 * A backup goes `queued → granted → imaged → running → ended → final`, a work job `queued → (granted →) working → ended →
 * final`, a job of another's flow `registered → ended → final`, a parent `parent → ended → final`. An attempt that ends
 * before the job does goes through `resting`, in which image and resources are settled, to `waiting-for-retry`,
 * `suspended`, `incomplete` or back to `queued`.
 */
export type JobPhase =
  | 'queued'
  | 'granted'
  | 'imaged'
  | 'running'
  | 'working'
  | 'registered'
  | 'parent'
  | 'resting'
  | 'waiting-for-retry'
  | 'suspended'
  | 'incomplete'
  | 'ended'
  | 'final'

/** Resources a job holds. */
export interface Holding {
  readonly leaseId: string
  readonly allocation: Allocation
}

/** How a job ends. With `completion` its image is to be completed, without it is discarded. */
export interface Ending {
  readonly status: number
  readonly statusText: string
  readonly warnings: number
  readonly completion?: ImageCompletion
  /** Set when the files of an archive's image have been taken off the client, as far as they could. */
  readonly removalDone?: true
}

/** Everything that was asked for and never changes. It is written once, beside the record. */
export interface JobSpec {
  /** For a backup, without the policy's clients and schedules. */
  readonly backup?:
    { readonly policy: Policy; readonly schedule: Schedule; readonly limits: JobLimits } | undefined
  /** What to back up instead of the policy's selections. */
  readonly selections?: readonly Path[] | undefined
  readonly streamSet?: readonly string[] | undefined
  readonly retentionMs?: number | null | undefined
  readonly copyRetentionMs?: readonly (number | null)[] | undefined
}

/** A part of a parent job. */
export interface ChildJob {
  readonly stream: string
  readonly jobId: string
}

/** How a part of a parent job ended. */
export interface ChildEnd {
  readonly status: number
  readonly statusText: string
  readonly warnings: number
  readonly files: number
  readonly bytes: number
}

/** What a job at rest waits for, and what becomes of it then. */
export interface Rest {
  readonly to: 'waiting-for-retry' | 'suspended' | 'incomplete' | 'queued'
  /** Since when, milliseconds since the epoch. */
  readonly at: number
  /** How the try before it ended. */
  readonly status: number
  readonly statusText: string
  readonly warnings: number
  /** When it ends by itself: the next try, or the end of an incomplete job. */
  readonly until?: number
}

/**
 * A job as its database keeps it. Plain data; replaced as a whole by every change. What a job has not is there as
 * `undefined`: all records are of one shape, which `wholeRecord` gives them, so that a copy costs next to nothing.
 */
export interface JobRecord extends JobSpec {
  readonly version: 1
  readonly id: string
  readonly requestId: string
  readonly phase: JobPhase
  readonly type: JobType
  readonly origin: JobOrigin
  readonly client: string
  readonly priority: number
  readonly submittedAt: number
  readonly policy?: string | undefined
  readonly schedule?: string | undefined
  readonly scheduleType?: ScheduleType | undefined
  readonly stream?: string | undefined
  readonly parentId?: string | undefined
  /** For a parent: its parts, and how those that are final ended, by id. */
  readonly children?: readonly ChildJob[] | undefined
  readonly childEnds?: Readonly<Record<string, ChildEnd>> | undefined
  /** For a job that a worker carries out. */
  readonly work?:
    { readonly need?: MediaNeed; readonly parameters: Readonly<Record<string, Json>> } | undefined
  readonly retry?: RetryRule | undefined
  /** A job that is not active by then ends with 196. */
  readonly windowClosesAt?: number | undefined
  /** The present try, or the last one. */
  readonly attempt: { readonly number: number; readonly startedAt: number; readonly firstLine: number }
  /** The tries that are over; the present one is the last of them while the job rests. */
  readonly tries: readonly JobAttempt[]
  /** How often it was put on the queue: makes each of its requests to the broker another. */
  readonly queueings: number
  /** From where its next try goes on; its image is kept for that. */
  readonly checkpoint?: BackupCheckpoint | undefined
  /** The number of the checkpoint from which the present try went on. */
  readonly resumedFrom?: number | undefined
  readonly suspend?: { readonly at: number; readonly reason: string } | undefined
  readonly rest?: Rest | undefined
  readonly activeAt?: number | undefined
  readonly endedAt?: number | undefined
  /** What the job itself was granted. */
  readonly held?: Holding | undefined
  /** The media request that was answered with {@link held}. */
  readonly heldFor?: string | undefined
  /** Media requests that were acknowledged and not yet answered, by `sessionId/requestId`. */
  readonly mediaRequests: Rows<MediaRequest>
  /** What its sessions were granted beyond that, by `sessionId/requestId`. */
  readonly sessionHoldings: Rows<Holding>
  readonly backupId?: string | undefined
  readonly session?: { readonly sessionId: string; readonly mediaServer: string } | undefined
  readonly mediaServer?: string | undefined
  readonly storageUnit?: string | undefined
  readonly cancel?: { readonly at: number; readonly reason: string } | undefined
  readonly ending?: Ending | undefined
  readonly progress?: JobProgress | undefined
  readonly operation?: Job['operation'] | undefined
}

/** Whether the job manager itself runs a backup for it: a backup or an archive that is no parent. */
export function isBackupRecord({ type, children }: JobRecord): boolean {
  return (type === 'backup' || type === 'archive') && children === undefined
}
