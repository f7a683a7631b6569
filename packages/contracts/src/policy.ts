import type { Path } from './path.ts'

/** What a schedule produces. The incremental kinds refer to earlier images: differential to the last of any kind, cumulative to the last full. */
export type ScheduleType = 'full' | 'differential' | 'cumulative' | 'user-backup' | 'user-archive'

/** When starts are allowed: from a second of a weekday, for a while that may cross midnight or span days. */
export interface StartWindow {
  /** 0 = Sunday … 6 = Saturday, in the scheduler's time zone. */
  readonly weekday: number
  /** Seconds since midnight, 0–86399, by the wall clock. */
  readonly startSeconds: number
  /** Length in seconds, 1–604800. */
  readonly durationSeconds: number
}

/** Where a job's data may go. */
export type StorageChoice =
  | { readonly kind: 'unit'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'any' }

/** One schedule of a policy. */
export interface Schedule {
  readonly name: string
  readonly type: ScheduleType
  /**
   * How long after the last comparable success the next is due, milliseconds. Whole days mean the same time of
   * day; anything else is elapsed time.
   */
  readonly frequencyMs: number
  /** Starts happen only inside one of these. */
  readonly windows: readonly StartWindow[]
  /** Index into the retention levels, 0–100. */
  readonly retentionLevel: number
  /** Instead of the policy's storage. */
  readonly storage?: StorageChoice
  /** Instead of the policy's pool. */
  readonly volumePool?: string
}

/** What is backed up, for which clients, where to and when. */
export interface Policy {
  readonly name: string
  /** Whether the scheduler starts jobs of it; a manual run of an inactive policy is refused (247). */
  readonly active: boolean
  /** Not scheduled before, milliseconds since the epoch. */
  readonly effectiveAt?: number
  readonly clients: readonly string[]
  /** Files and directories, absolute. At least one must exist on a client (else 71). */
  readonly selections: readonly Path[]
  /** Patterns of paths to leave out, by the rules of the client agent's exclude list. */
  readonly exclude?: readonly string[]
  /** Patterns that bring excluded paths back. */
  readonly include?: readonly string[]
  /** Whether the walk enters other file systems. @default false */
  readonly crossMountPoints?: boolean
  readonly storage: StorageChoice
  /** @default 'NetBackup' */
  readonly volumePool?: string
  /** 0–99999, higher goes first. @default 0 */
  readonly priority?: number
  /** Most jobs of this policy at once. @default no limit */
  readonly maxJobs?: number
  readonly schedules: readonly Schedule[]
}

/** A policy as stored: its generation rises with every change, so that two editors can't overwrite each other unseen. */
export interface StoredPolicy extends Policy {
  readonly generation: number
  /** Last change, milliseconds since the epoch. */
  readonly changedAt: number
}

/** The default retention levels in milliseconds by index 0–9; later levels, and 9, never expire, 25 at once. */
const dayMs = 86_400_000
const defaultLevels = [7, 14, 21, 31, 62, 93, 186, 279, 365].map((days) => days * dayMs)

/** How long an image of a retention level is kept, milliseconds; `undefined` is for ever. A year is 365 days. */
export function retentionPeriodMs(level: number): number | undefined {
  return level === 25 ? 0 : defaultLevels[level]
}
