import type { CallOptions, Json } from './call-options.ts'
import type {
  Job,
  JobAttempt,
  JobEvent,
  JobLogLine,
  JobOrigin,
  JobProgress,
  JobState,
  JobType,
} from './job.ts'
import type { JobLimits } from './job-limits.ts'
import type { Policy, Schedule } from './policy.ts'
import type { Explanation, MediaNeed, MediaRequest } from './resources.ts'
import type { BackupCheckpoint, SessionReport } from './media-server.ts'
import type { Path } from './path.ts'

/** How a job that fails is tried again by itself, as the same job. */
export interface RetryRule {
  /** Tries in all, this one included, 1–100. */
  readonly tries: number
  /** Wait between a failure and the next try, milliseconds. */
  readonly delayMs: number
}

/** One stream of a client's backup: a job and an image of its own. */
export interface JobStream {
  /** Names the stream within policy and client. */
  readonly name: string
  readonly selections: readonly Path[]
  /** Instead of the request's. */
  readonly retry?: RetryRule
}

/** Job Start: everything policy and schedule say about a backup job. */
export interface BackupJobRequest {
  /** Names this request for ever: the same id again answers with the same job and starts nothing. */
  readonly requestId: string
  /** An archive removes from the client what it has saved, once the image is browsable. */
  readonly type: 'backup' | 'archive'
  readonly origin: JobOrigin
  readonly policy: Policy
  readonly schedule: Schedule
  readonly client: string
  /** What to back up where it is not all that the policy selects: what a user asked for. @default the policy's selections */
  readonly selections?: readonly Path[]
  /**
   * With streams the job is a parent that does nothing itself: each stream is a child job, and the parent ends when
   * all of them have, with the worst of their statuses.
   */
  readonly streams?: readonly JobStream[]
  /** The names of all streams that policy and client have now, due or not. With `streams`. */
  readonly streamSet?: readonly string[]
  /** When the start window closes: a job that is not active by then ends with 196. @default never */
  readonly windowClosesAt?: number
  /** @default one try */
  readonly retry?: RetryRule
  /** How long the image is kept, milliseconds; `null` is for ever. @default by the field's table for the schedule's level */
  readonly retentionMs?: number | null
  /** The same for each of the schedule's copies. @default by the field's retention table */
  readonly copyRetentionMs?: readonly (number | null)[]
  /** Limits the job brings along to the broker. */
  readonly limits: JobLimits
  /** The requester's own lines for the job's log (step 1). */
  readonly lines: readonly JobLogLine[]
}

/** The types of jobs that a worker of the job manager carries out. */
export type WorkJobType = Exclude<JobType, 'backup' | 'archive' | 'restore'>

/** A request for a job that is no backup, archive or restore. */
export interface WorkJobRequest {
  /** Names this request for ever. */
  readonly requestId: string
  readonly type: WorkJobType
  readonly origin: JobOrigin
  /** Whose data or media it is about. @default the master server's own: `-` */
  readonly client?: string
  readonly policy?: string
  /** 0–99999. @default 0 */
  readonly priority?: number
  /** What it needs before it becomes active. @default nothing */
  readonly need?: MediaNeed
  /** What the worker is told. */
  readonly parameters?: Readonly<Record<string, Json>>
  readonly retry?: RetryRule
  readonly lines: readonly JobLogLine[]
}

/** Which jobs. All given conditions must hold. */
export interface JobFilter {
  readonly jobId?: string
  /** The parts of this job. */
  readonly parentId?: string
  readonly origins?: readonly JobOrigin[]
  readonly schedule?: string
  /** Ended with one of these. */
  readonly statuses?: readonly number[]
  /** Ended with a status above 1. */
  readonly failed?: boolean
  readonly types?: readonly JobType[]
  readonly states?: readonly JobState[]
  readonly policy?: string
  readonly client?: string
  /** Submitted at or after, milliseconds since the epoch. */
  readonly since?: number
  /** Submitted before, milliseconds since the epoch. */
  readonly until?: number
  /** Newest first, at most this many. @default no limit */
  readonly limit?: number
}

/**
 * Jobs, from submission to their end, for those who ask for them and those who watch.
 *
 * Obligations: what `submit` answered with survives any crash; a job reaches `done` exactly once and its status
 * never changes afterwards; every job that ended, waits for a retry, is suspended or is incomplete has released its
 * resources. A job of a type that nothing here can carry out ends with `not-supported`.
 */
export interface JobManager {
  /**
   * Steps 1–2. Resolves when the job, and for streams each of its children, is durably queued. Rejects with
   * `manager-stopping`, `argument-invalid`.
   */
  submit(
    input: BackupJobRequest | WorkJobRequest,
    options?: CallOptions,
  ): Promise<{
    readonly jobId: string
    /** In the order of the request's streams. */
    readonly children?: readonly { readonly stream: string; readonly jobId: string }[]
  }>
  /** The job, or `undefined` when there is none (any more). */
  get(input: { readonly jobId: string }, options?: CallOptions): Promise<Job | undefined>
  /** Jobs, newest first. */
  list(input: JobFilter, options?: CallOptions): AsyncIterable<Job>
  /** The job's detail log from line `after` (0 = all) to now, or one attempt's part of it. Rejects with `job-unknown`. */
  log(
    input: { readonly jobId: string; readonly after?: number; readonly attempt?: number },
    options?: CallOptions,
  ): AsyncIterable<JobLogLine>
  /** The job's tries, first to last. Rejects with `job-unknown`. */
  attempts(input: { readonly jobId: string }, options?: CallOptions): AsyncIterable<JobAttempt>
  /**
   * Live: first the present state (and, with `lines`, the log so far) of the matching jobs, then every change
   * until the signal aborts. A slow reader may be spared intermediate `job` states, never the last, and never lines.
   */
  watch(input: JobFilter & { readonly lines?: boolean }, options?: CallOptions): AsyncIterable<JobEvent>
  /** The job once it has ended for good (after the release of its resources, status present). Rejects with `job-unknown`. */
  wait(input: { readonly jobId: string }, options?: CallOptions): Promise<Job>
  /** Asks a job to end with 150. Resolves when noted durably; a job that is done stays as it is. Rejects with `job-unknown`. */
  cancel(input: { readonly jobId: string; readonly reason?: string }, options?: CallOptions): Promise<void>
  /**
   * Takes a queued job off the queue, or ends the try of an active backup at its last checkpoint, and holds the job
   * until it is resumed. Resolves when noted durably. Rejects with `job-unknown`, `state-conflict` for a job that can't
   * be suspended.
   */
  suspend(input: { readonly jobId: string; readonly reason?: string }, options?: CallOptions): Promise<void>
  /**
   * Puts a suspended or incomplete job back on the queue; a backup goes on from its last checkpoint. Rejects with
   * `job-unknown`, `state-conflict`.
   */
  resume(input: { readonly jobId: string }, options?: CallOptions): Promise<void>
  /**
   * Asks for the same again as a new job. Rejects with `job-unknown`, `state-conflict` for one that is not done, or whose
   * flow is someone else's.
   */
  restart(input: { readonly jobId: string }, options?: CallOptions): Promise<{ readonly jobId: string }>
  /**
   * Changes the priority, 0–99999; a queued job takes its new place at once. Rejects with `job-unknown`,
   * `argument-invalid`, `state-conflict` for one that is done.
   */
  setPriority(
    input: { readonly jobId: string; readonly priority: number },
    options?: CallOptions,
  ): Promise<void>
  /** Removes jobs that ended before a time, with their logs; parents with the last of their children. Tells how many. */
  purge(input: { readonly endedBefore: number }, options?: CallOptions): Promise<{ readonly purged: number }>
  /** Why the job waits, or that it does not. Rejects with `job-unknown`. */
  explain(input: { readonly jobId: string }, options?: CallOptions): Promise<Explanation>
}

/** A job whose flow is run by someone else (a restore by the restore service) but which lives in the one jobs database. */
export interface RegisteredJobRequest {
  readonly requestId: string
  readonly type: Exclude<JobType, 'backup' | 'archive'>
  readonly origin: JobOrigin
  readonly client: string
  readonly policy?: string
  readonly backupId?: string
  /** @default 90000 for restores, 0 for others */
  readonly priority?: number
  readonly lines: readonly JobLogLine[]
}

/**
 * Jobs of others' flows.
 *
 * Obligations: a registered job whose owner is gone after a restart is ended by {@link JobRegistry.finish} from
 * the owner's recovery, or by the manager's with `session-killed`'s status.
 */
export interface JobRegistry {
  /** Puts the job on the list, state `active`, durably. The same `requestId` gives the same job. */
  register(input: RegisteredJobRequest, options?: CallOptions): Promise<{ readonly jobId: string }>
  /** Notes facts that lists show. */
  update(
    input: {
      readonly jobId: string
      readonly progress?: JobProgress
      readonly backupId?: string
      readonly mediaServer?: string
      readonly storageUnit?: string
      readonly operation?: Job['operation']
    },
    options?: CallOptions,
  ): Promise<void>
  /**
   * Ends it: releases what it still holds and moves it to `done`. Without `statusText` the job's is what the status
   * means. Idempotent; the first status stays.
   */
  finish(
    input: { readonly jobId: string; readonly status: number; readonly statusText?: string },
    options?: CallOptions,
  ): Promise<void>
}

/**
 * What media servers tell the job manager about their sessions.
 *
 * Obligations: all calls are idempotent by session (and request) id; unknown or ended sessions answer
 * `session-unknown`, and the media server then ends the session.
 */
export interface JobSessions {
  /**
   * The media process asks for its media and drive. This only acknowledges; the answer comes by
   * `MediaServer.grantMedia`, over a connection that the job manager initiates.
   */
  requestMedia(input: MediaRequest, options?: CallOptions): Promise<void>
  /** How far a session is; a few times a second at the most. */
  progress(
    input: { readonly sessionId: string; readonly jobId: string; readonly progress: JobProgress },
    options?: CallOptions,
  ): Promise<void>
  /**
   * All that a backup has sent up to here is durable: from now on it can be resumed from here. A later checkpoint
   * replaces it, durably when this resolves. Where it fails otherwise than with `session-unknown`, the backup goes on
   * without this checkpoint.
   */
  checkpoint(
    input: { readonly sessionId: string; readonly jobId: string; readonly checkpoint: BackupCheckpoint },
    options?: CallOptions,
  ): Promise<void>
  /** Step 13 of a backup, 15 of a restore: the session has done its work, or has failed; nothing of it runs any more. */
  sessionEnded(input: { readonly report: SessionReport }, options?: CallOptions): Promise<void>
}

/** Events of a job manager. */
export interface JobManagerEvents {
  /** When a job has been put on the list. */
  'job:submitted': { readonly jobId: string }
  /** When a job's resources are granted and it becomes active. */
  'job:active': { readonly jobId: string }
  /** When a step of a flow has left its line in the job's log. */
  'job:step': { readonly jobId: string; readonly line: JobLogLine }
  /** When an attempt of a job has failed and another follows by itself. */
  'job:waiting-for-retry': { readonly jobId: string; readonly status: number; readonly retryAt: number }
  /** When a job has ended for good. */
  'job:finished': { readonly jobId: string; readonly status: number }
}
