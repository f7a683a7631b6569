import type { CallOptions } from './call-options.ts'
import type { Path } from './path.ts'
import type { Policy, PolicyRemoval, RetentionLevel, ScheduleType, StoredPolicy } from './policy.ts'

/** A PolicyClient task: one policy, one client (one stream of it), and when it runs next. Times are milliseconds since the epoch. */
export interface PolicyClientTask {
  readonly policy: string
  readonly client: string
  readonly stream?: string
  readonly state: 'waiting' | 'running' | 'inactive' | 'blocked'
  /** The next run, when there is one. */
  readonly next?: PlannedRun
  /** The job that runs. */
  readonly jobId?: string
  /**
   * Why it is inactive, or blocked until when (tries used up in the sliding period), or why it waits without a next run
   * (no schedule starts by itself, or none of their windows ever opens).
   */
  readonly reason?: string
  readonly lastStatus?: number
}

/** A run that would start. */
export interface PlannedRun {
  readonly policy: string
  readonly client: string
  readonly stream?: string
  readonly schedule: string
  readonly scheduleType: ScheduleType
  /** When it becomes due; 0 is at once, since there is no backup yet. */
  readonly dueAt: number
  /** When it starts: the first moment of an open window at or after it is due. */
  readonly startsAt: number
  /** When the window closes in which it starts. */
  readonly closesAt: number
}

/** A user's wish to back up or archive their own files, by a schedule of the user kinds. */
export interface UserRunRequest {
  /** Names this request for ever. */
  readonly requestId: string
  readonly client: string
  readonly type: 'user-backup' | 'user-archive'
  /** Absolute. */
  readonly paths: readonly Path[]
  /** @default the first policy, by name, that has the client and such a schedule with an open window */
  readonly policy?: string
  readonly schedule?: string
  /** Who asks, for the job's log. */
  readonly requestedBy?: string
}

/**
 * Keeps policies and starts their jobs when they are due.
 *
 * Obligations: a stored policy survives a crash; a due job is started once, also over restarts; nothing starts
 * outside its window except by `runNow`; what was missed while down starts when a window is open again.
 */
export interface Scheduler {
  /**
   * Adds or replaces a policy. `generation` must be the stored one's (0 or absent for a new one), else
   * `generation-conflict`. A policy that is made anew under the name of a removed one goes on from its generation, so
   * that none ever comes twice for a name. Rejects with `argument-invalid`, naming the field, also for more than 10,000 clients, selections,
   * patterns or days, or 1,000 schedules or windows.
   */
  putPolicy(
    input: { readonly policy: Policy; readonly generation?: number },
    options?: CallOptions,
  ): Promise<StoredPolicy>
  /** The policy as stored, or `undefined` when there is none of that name. */
  getPolicy(input: { readonly name: string }, options?: CallOptions): Promise<StoredPolicy | undefined>
  /** Removes it; running jobs go on. Its name remembers the generation, durably. Rejects with `policy-unknown`. */
  removePolicy(input: { readonly name: string }, options?: CallOptions): Promise<void>
  /** The last removal of a policy of this name, or `undefined` when there was none or there is such a policy again. */
  policyRemoval(input: { readonly name: string }, options?: CallOptions): Promise<PolicyRemoval | undefined>
  /** All policies, active or not, sorted by name. */
  policies(input: Record<string, never>, options?: CallOptions): AsyncIterable<StoredPolicy>
  /**
   * Starts jobs by hand, now, whatever the window: for one client or all of the policy, with the schedule named or the
   * fullest. Rejects with `policy-unknown`, `policy-inactive`, `schedule-unknown`, `client-not-in-policy`; with
   * `argument-invalid` for a schedule of the user kinds, which only `runForUser` starts.
   */
  runNow(
    input: { readonly policy: string; readonly client?: string; readonly schedule?: string },
    options?: CallOptions,
  ): Promise<{ readonly jobIds: readonly string[] }>
  /**
   * Starts a job that a user asked for, in an open window of a user schedule; it is not tried again by itself. Rejects with
   * `policy-unknown`, `policy-inactive`, `schedule-unknown`, `client-not-in-policy`, `schedule-type-missing` (198),
   * `outside-window` (199), `argument-invalid`.
   */
  runForUser(input: UserRunRequest, options?: CallOptions): Promise<{ readonly jobId: string }>
  /** Sets the period of a retention level, for backups from now on. Rejects with `argument-invalid`; 9 and 25 are fixed. */
  putRetentionLevel(input: RetentionLevel, options?: CallOptions): Promise<void>
  /** The retention table, levels 0–100. */
  retentionLevels(input: Record<string, never>, options?: CallOptions): Promise<readonly RetentionLevel[]>
  /**
   * What would start in a span of time, of at most ten years, if every run succeeded at once, in order of start. As much is
   * worked out as is taken, and other calls have their turn meanwhile. Rejects with `policy-unknown`, `argument-invalid`.
   */
  preview(
    input: { readonly policy: string; readonly from: number; readonly to: number },
    options?: CallOptions,
  ): AsyncIterable<PlannedRun>
  /** The tasks and when they run next. */
  tasks(input: { readonly policy?: string }, options?: CallOptions): AsyncIterable<PolicyClientTask>
}

/** Events of a scheduler. */
export interface SchedulerEvents {
  /** When a task's job has been submitted. */
  'task:started': {
    readonly policy: string
    readonly client: string
    readonly stream?: string
    readonly schedule: string
    readonly jobId: string
  }
  /** When a task has been told its job's end and has its next due time. */
  'task:finished': {
    readonly policy: string
    readonly client: string
    readonly stream?: string
    readonly jobId: string
    readonly status: number
    readonly nextAt?: number
  }
  /** When a policy is stored or removed. */
  'policy:changed': { readonly name: string; readonly generation?: number }
  /** When the period of a retention level is set. */
  'retention:changed': RetentionLevel
}
