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
  readonly backup?: { readonly policy: Policy; readonly schedule: Schedule; readonly limits: JobLimits }
  /** What to back up instead of the policy's selections. */
  readonly selections?: readonly Path[]
  readonly streamSet?: readonly string[]
  readonly retentionMs?: number | null
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

/** A job as its database keeps it. Plain data; replaced as a whole by every change. */
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
  readonly policy?: string
  readonly schedule?: string
  readonly scheduleType?: ScheduleType
  readonly stream?: string
  readonly parentId?: string
  /** For a parent: its parts, and how those that are final ended, by id. */
  readonly children?: readonly ChildJob[]
  readonly childEnds?: Readonly<Record<string, ChildEnd>>
  /** For a job that a worker carries out. */
  readonly work?: { readonly need?: MediaNeed; readonly parameters: Readonly<Record<string, Json>> }
  readonly retry?: RetryRule
  /** A job that is not active by then ends with 196. */
  readonly windowClosesAt?: number
  /** The present try, or the last one. */
  readonly attempt: { readonly number: number; readonly startedAt: number; readonly firstLine: number }
  /** The tries that are over; the present one is the last of them while the job rests. */
  readonly tries: readonly JobAttempt[]
  /** How often it was put on the queue: makes each of its requests to the broker another. */
  readonly queueings: number
  /** From where its next try goes on; its image is kept for that. */
  readonly checkpoint?: BackupCheckpoint
  /** The number of the checkpoint from which the present try went on. */
  readonly resumedFrom?: number
  readonly suspend?: { readonly at: number; readonly reason: string }
  readonly rest?: Rest
  readonly activeAt?: number
  readonly endedAt?: number
  /** What the job itself was granted. */
  readonly held?: Holding
  /** The media request that was answered with {@link held}. */
  readonly heldFor?: string
  /** Media requests that were acknowledged and not yet answered, by `sessionId/requestId`. */
  readonly mediaRequests: Readonly<Record<string, MediaRequest>>
  /** What its sessions were granted beyond that, by `sessionId/requestId`. */
  readonly sessionHoldings: Readonly<Record<string, Holding>>
  readonly backupId?: string
  readonly session?: { readonly sessionId: string; readonly mediaServer: string }
  readonly mediaServer?: string
  readonly storageUnit?: string
  readonly cancel?: { readonly at: number; readonly reason: string }
  readonly ending?: Ending
  readonly progress?: JobProgress
  readonly operation?: Job['operation']
}

/** Whether the job manager itself runs a backup for it: a backup or an archive that is no parent. */
export function isBackupRecord({ type, children }: JobRecord): boolean {
  return (type === 'backup' || type === 'archive') && children === undefined
}
