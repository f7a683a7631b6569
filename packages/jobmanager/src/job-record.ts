import {
  type Allocation,
  type BackupJobRequest,
  type ImageCompletion,
  type Job,
  type JobLimits,
  type JobOrigin,
  type JobProgress,
  type JobType,
  type MediaRequest,
  type Policy,
  type RegisteredJobRequest,
  type Schedule,
  NbError,
} from '@nb/contracts'

/**
 * How far a job is, finer than the state that lists show.
 *
 * A backup goes `queued → granted → imaged → running → ended → final`; a job of another's flow
 * `registered → ended → final`. Any phase before `ended` may go straight to `ended`. A job that is `ended` has its
 * ending written down (step 14) and only concludes: image completed or discarded, resources released. `final` is for good.
 */
export type JobPhase = 'queued' | 'granted' | 'imaged' | 'running' | 'registered' | 'ended' | 'final'

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
}

/** A job as its database keeps it. Plain data; replaced as a whole by every change. */
export interface JobRecord {
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
  /** All that policy and schedule say, for a backup. */
  readonly backup?: { readonly policy: Policy; readonly schedule: Schedule; readonly limits: JobLimits }
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

/** The record of a backup that has just been asked for. */
export function newBackupRecord(id: string, input: BackupJobRequest, now: number): JobRecord {
  return {
    version: 1,
    id,
    requestId: input.requestId,
    phase: 'queued',
    type: input.type,
    origin: input.origin,
    client: input.client,
    priority: input.policy.priority ?? 0,
    submittedAt: now,
    policy: input.policy.name,
    backup: { policy: input.policy, schedule: input.schedule, limits: input.limits },
    mediaRequests: {},
    sessionHoldings: {},
  }
}

/** The record of a job whose flow is run by someone else; it is active from the start. */
export function newRegisteredRecord(id: string, input: RegisteredJobRequest, now: number): JobRecord {
  return {
    version: 1,
    id,
    requestId: input.requestId,
    phase: 'registered',
    type: input.type,
    origin: input.origin,
    client: input.client,
    priority: input.priority ?? (input.type === 'restore' ? 90_000 : 0),
    submittedAt: now,
    activeAt: now,
    mediaRequests: {},
    sessionHoldings: {},
    ...(input.policy === undefined ? {} : { policy: input.policy }),
    ...(input.backupId === undefined ? {} : { backupId: input.backupId }),
  }
}

const phases: readonly string[] = [
  'queued',
  'granted',
  'imaged',
  'running',
  'registered',
  'ended',
  'final',
] satisfies JobPhase[]

/**
 * Reads a stored record. Rejects what can't be one with `store-corrupt`, naming the key; a record of a newer
 * version with `version-unsupported`.
 */
export function parseRecord(key: string, text: string): JobRecord {
  let value: Partial<JobRecord> | null
  try {
    value = JSON.parse(text) as Partial<JobRecord> | null
  } catch (error) {
    throw corrupt(key, 'it is not JSON', error)
  }
  if (typeof value !== 'object' || value === null) throw corrupt(key, 'it is not an object')
  if (typeof value.version === 'number' && value.version > 1) {
    throw new NbError(
      'version-unsupported',
      `job record ${key} has version ${String(value.version)}; this is for 1`,
      {
        details: { key, version: value.version },
      },
    )
  }
  const texts = [value.id, value.requestId, value.type, value.origin, value.client]
  const wrong =
    value.version !== 1
      ? 'version'
      : texts.some((field) => typeof field !== 'string')
        ? 'a name'
        : !phases.includes(value.phase ?? '')
          ? 'phase'
          : typeof value.submittedAt !== 'number' || typeof value.priority !== 'number'
            ? 'a number'
            : typeof value.sessionHoldings !== 'object' || typeof value.mediaRequests !== 'object'
              ? 'row of media requests'
              : (value.phase === 'ended' || value.phase === 'final') &&
                  typeof value.ending?.status !== 'number'
                ? 'ending'
                : value.type === 'backup' && typeof value.backup?.schedule !== 'object'
                  ? 'backup'
                  : undefined
  if (wrong !== undefined) throw corrupt(key, `its ${wrong} is missing or wrong`)
  return value as JobRecord
}

/** The typed error for something stored that can't be read. */
export function corrupt(key: string, why: string, cause?: unknown): NbError {
  return new NbError('store-corrupt', `the jobs database is damaged at key ${key}: ${why}`, {
    details: { key },
    ...(cause === undefined ? {} : { cause }),
  })
}
