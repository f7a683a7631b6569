import type { CallOptions } from './call-options.ts'
import type { Job, JobEvent, JobLogLine, JobOrigin, JobProgress, JobState, JobType } from './job.ts'
import type { JobLimits } from './job-limits.ts'
import type { Policy, Schedule } from './policy.ts'
import type { Explanation, MediaRequest } from './resources.ts'
import type { SessionReport } from './media-server.ts'

/** Job Start: everything policy and schedule say about a backup job. */
export interface BackupJobRequest {
  /** Names this request for ever: the same id again answers with the same job and starts nothing. */
  readonly requestId: string
  readonly type: 'backup'
  readonly origin: JobOrigin
  readonly policy: Policy
  readonly schedule: Schedule
  readonly client: string
  /** Limits the job brings along to the broker. */
  readonly limits: JobLimits
  /** The requester's own lines for the job's log (step 1). */
  readonly lines: readonly JobLogLine[]
}

/** Which jobs. All given conditions must hold. */
export interface JobFilter {
  readonly jobId?: string
  readonly types?: readonly JobType[]
  readonly states?: readonly JobState[]
  readonly policy?: string
  readonly client?: string
  /** Submitted at or after, milliseconds since the epoch. */
  readonly since?: number
  /** Newest first, at most this many. @default no limit */
  readonly limit?: number
}

/**
 * Jobs, from submission to their end, for those who ask for them and those who watch.
 *
 * Obligations: what `submit` answered with survives any crash; a job reaches `done` exactly once and its status
 * never changes afterwards; every job that ended has released its resources.
 */
export interface JobManager {
  /** Steps 1–2. Resolves when the job is durably queued. Rejects with `manager-stopping`, `argument-invalid`. */
  submit(input: BackupJobRequest, options?: CallOptions): Promise<{ readonly jobId: string }>
  /** The job, or `undefined` when there is none (any more). */
  get(input: { readonly jobId: string }, options?: CallOptions): Promise<Job | undefined>
  /** Jobs, newest first. */
  list(input: JobFilter, options?: CallOptions): AsyncIterable<Job>
  /** The job's detail log from line `after` (0 = all) to now. Rejects with `job-unknown`. */
  log(
    input: { readonly jobId: string; readonly after?: number },
    options?: CallOptions,
  ): AsyncIterable<JobLogLine>
  /**
   * Live: first the present state (and, with `lines`, the log so far) of the matching jobs, then every change
   * until the signal aborts. A slow reader may be spared intermediate `job` states, never the last, and never lines.
   */
  watch(input: JobFilter & { readonly lines?: boolean }, options?: CallOptions): AsyncIterable<JobEvent>
  /** The job once it has ended for good (after the release of its resources, status present). Rejects with `job-unknown`. */
  wait(input: { readonly jobId: string }, options?: CallOptions): Promise<Job>
  /** Asks a job to end with 150. Resolves when noted durably; a job that is done stays as it is. Rejects with `job-unknown`. */
  cancel(input: { readonly jobId: string; readonly reason?: string }, options?: CallOptions): Promise<void>
  /** Why the job waits, or that it does not. Rejects with `job-unknown`. */
  explain(input: { readonly jobId: string }, options?: CallOptions): Promise<Explanation>
}

/** A job whose flow is run by someone else (a restore by the restore service) but which lives in the one jobs database. */
export interface RegisteredJobRequest {
  readonly requestId: string
  readonly type: Exclude<JobType, 'backup'>
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
  /** When a job has ended for good. */
  'job:finished': { readonly jobId: string; readonly status: number }
}
