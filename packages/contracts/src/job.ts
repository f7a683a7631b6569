import type { Json } from './call-options.ts'
import type { Path } from './path.ts'
import type { ScheduleType } from './policy.ts'

/** What a job does. */
export type JobType =
  | 'backup'
  | 'archive'
  | 'restore'
  | 'verify'
  | 'duplicate'
  | 'import'
  | 'catalog-backup'
  | 'image-cleanup'
  | 'label'
  | 'erase'
  | 'inventory'
  | 'clean'

/**
 * Where a job is in its life: queued → active → done. `waiting-for-retry`, `suspended` and `incomplete` are the
 * field's further states.
 */
export type JobState = 'queued' | 'active' | 'waiting-for-retry' | 'suspended' | 'incomplete' | 'done'

/** What an active job is at. */
export type JobOperation =
  | 'requesting-resources'
  | 'connecting'
  | 'mounting'
  | 'positioning'
  | 'writing'
  | 'reading'
  | 'cataloguing'
  | 'ending'

/** How a job came to be. */
export type JobOrigin = 'scheduled' | 'immediate' | 'user'

/** What a person may do with a job now. */
export type JobAction = 'cancel' | 'suspend' | 'resume' | 'restart' | 'set-priority'

/** One try of a job. Times are milliseconds since the epoch. */
export interface JobAttempt {
  /** From 1. */
  readonly number: number
  /** When it was put on the queue. */
  readonly startedAt: number
  /** When its resources were granted. */
  readonly activeAt?: number
  readonly endedAt?: number
  readonly status?: number
  readonly statusText?: string
  readonly mediaServer?: string
  readonly storageUnit?: string
  /** How far it came. */
  readonly files: number
  readonly bytes: number
  /** The number of its first line in the job's log, from 1. */
  readonly firstLine: number
}

/** A job as lists show it. Times are milliseconds since the epoch, sizes bytes. */
export interface Job {
  readonly id: string
  /** The job that this one is a part of. */
  readonly parentId?: string
  /** How many jobs are parts of this one; absent when it is no parent. */
  readonly children?: number
  readonly type: JobType
  readonly origin: JobOrigin
  readonly state: JobState
  readonly operation?: JobOperation
  /**
   * The ending status. Present only when it is true for good: a backup that is `done` but whose image is not
   * yet browsable (between steps 14 and 15) has none.
   */
  readonly status?: number
  /** What the status means for this job, in a sentence. */
  readonly statusText?: string
  readonly policy?: string
  readonly schedule?: string
  readonly scheduleType?: ScheduleType
  readonly client: string
  /** The stream of its policy that it backs up, where the policy has several. */
  readonly stream?: string
  readonly mediaServer?: string
  readonly storageUnit?: string
  /** The image that is written, or the first that is read. */
  readonly backupId?: string
  readonly priority: number
  readonly submittedAt: number
  readonly activeAt?: number
  readonly endedAt?: number
  /** Its present or last try, from 1. */
  readonly attempt: number
  /** While it waits for a retry: when it goes back on the queue. */
  readonly retryAt?: number
  /** While it is incomplete: when it becomes done unless it is resumed. */
  readonly incompleteUntil?: number
  /** The last point from which it could be resumed. */
  readonly checkpointAt?: number
  /** What may be done with it now. */
  readonly actions: readonly JobAction[]
  readonly progress?: JobProgress
  readonly warnings: number
  /** Set while a cancel has been asked for and not yet taken effect. */
  readonly cancelRequested?: boolean
}

/** How far a job is. */
export interface JobProgress {
  readonly files: number
  readonly bytes: number
  /** Known when it can be: a restore's plan, or the size of the last comparable image. */
  readonly estimatedFiles?: number
  readonly estimatedBytes?: number
  readonly currentPath?: Path
  /** How often the media process waited for a full and the receiving child for an empty block. */
  readonly waitedForFullBuffer?: number
  readonly waitedForEmptyBuffer?: number
}

/** Which step of which flow a line of the job's log tells. */
export interface FlowStep {
  readonly flow: 'backup' | 'restore'
  /** 1–17, see {@link backupSteps} and {@link restoreSteps}. */
  readonly number: number
}

/** A line in a job's detail log. */
export interface JobLogLine {
  /** Milliseconds since the epoch, by the clock of the component that wrote it. */
  readonly time: number
  /** Who wrote it: the package, such as `scheduler`, `emm`, `media-session`, `client-agent`. */
  readonly component: string
  readonly severity: 'info' | 'warning' | 'error'
  readonly step?: FlowStep
  readonly text: string
  readonly data?: Readonly<Record<string, Json>>
}

/**
 * The detail log of jobs, the place where every component leaves its trace.
 *
 * Obligations: lines of one job keep the order in which `append` was called; a line of an unknown job is
 * dropped without an error (the job may be purged); appending never fails a job: callers may ignore a rejection
 * after logging it.
 */
export interface JobLog {
  /** Adds lines. */
  append(input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }): Promise<void>
}

/** A change of a job, as {@link JobManager.watch} tells it. */
export type JobEvent =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'line'; readonly jobId: string; readonly line: JobLogLine }
