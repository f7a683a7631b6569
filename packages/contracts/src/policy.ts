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

/** Days by the calendar of the scheduler's time zone. A day is meant when any of the lists has it. */
export interface DayRule {
  /** Days of one year, `YYYY-MM-DD`. */
  readonly dates?: readonly string[]
  /** Weekdays, 0 = Sunday: every week's, or only the first to fifth or last of a month. */
  readonly weekdays?: readonly { readonly weekday: number; readonly week?: number | 'last' }[]
  /** Days of every month, 1–31; a month without the day is passed over. `last` is the month's last day. */
  readonly daysOfMonth?: readonly (number | 'last')[]
}

/** The run days of a calendar schedule: at most one run begins on each. */
export interface RunCalendar extends DayRule {
  /** Whether a run that did not succeed on its day may be made up for on later days. */
  readonly retryAfterRunDay: boolean
}

/** Where a job's data may go. */
export type StorageChoice =
  | { readonly kind: 'unit'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'any' }

/** How archive streams are compressed: by zstd, or by deflate in the form of gzip. */
export type Compression = 'zstd' | 'gzip'

/** What the content of files is digested with. */
export type DigestAlgorithm = 'sha256'

/** One of the copies that a backup writes at once. */
export interface ScheduleCopy {
  /** @default the schedule's, or the policy's */
  readonly storage?: StorageChoice
  /** @default the schedule's, or the policy's */
  readonly volumePool?: string
  /** How long this copy is kept. @default the schedule's */
  readonly retentionLevel?: number
  /**
   * What its failure means: the others go on and the backup ends with 1, or none of them is made. Where no copy is left the backup has
   * failed. @default 'failAllCopies'
   */
  readonly onFailure?: 'continue' | 'failAllCopies'
}

/** One schedule of a policy. */
export interface Schedule {
  readonly name: string
  readonly type: ScheduleType
  /**
   * How long after the last comparable success the next is due, milliseconds. Whole days mean the same time of
   * day; anything else is elapsed time. A schedule that starts by itself has this or `calendar`.
   */
  readonly frequencyMs?: number
  /** The days on which it runs. */
  readonly calendar?: RunCalendar
  /** Days on which nothing of this schedule starts by itself. */
  readonly exclude?: DayRule
  /** Starts happen only inside one of these. */
  readonly windows: readonly StartWindow[]
  /** Index into the retention levels, 0–100. */
  readonly retentionLevel: number
  /** Most jobs that may write to one drive beside a job of this schedule, 1–32; 1 shares with none. @default 1 */
  readonly multiplexing?: number
  /** Instead of the policy's storage. */
  readonly storage?: StorageChoice
  /** Instead of the policy's pool. */
  readonly volumePool?: string
  /**
   * The copies that are written at once, 2–4, the first of which is the primary. They are on storage units of one media server,
   * no two on the same disk. @default one copy, by what the schedule says
   */
  readonly copies?: readonly ScheduleCopy[]
}

/**
 * An entry of a policy's backup selections: a path, or a directive. `NEW_STREAM` begins a stream of its own with the paths
 * that follow; `ALL_LOCAL_DRIVES` stands for every local file system of the client.
 */
export type Selection = Path | 'NEW_STREAM' | 'ALL_LOCAL_DRIVES'

/** What is backed up, for which clients, where to and when. */
export interface Policy {
  readonly name: string
  /** Whether the scheduler starts jobs of it; a manual run of an inactive policy is refused (247). */
  readonly active: boolean
  /** Not scheduled before, milliseconds since the epoch. */
  readonly effectiveAt?: number
  readonly clients: readonly string[]
  /** Files and directories, absolute, and directives. At least one must exist on a client (else 71). */
  readonly selections: readonly Selection[]
  /**
   * Whether a client's backup is several jobs, each with an image and a schedule of its own: one per `NEW_STREAM`, one per
   * file system for `ALL_LOCAL_DRIVES`, else one per path. @default false
   */
  readonly multipleStreams?: boolean
  /** Milliseconds between checkpoints a backup can be resumed from, 0 for none. @default 900000, 15 minutes */
  readonly checkpointIntervalMs?: number
  /** Patterns of paths to leave out, by the rules of the client agent's exclude list; none is empty. */
  readonly exclude?: readonly string[]
  /** Patterns that bring excluded paths back; none is empty. */
  readonly include?: readonly string[]
  /** Whether the walk enters other file systems. @default false */
  readonly crossMountPoints?: boolean
  /** Compresses the data on the client. @default not compressed */
  readonly compression?: Compression
  /** Has the client digest the content of each file it stores. @default no digests */
  readonly digest?: DigestAlgorithm
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

/** That a policy was removed; remembered until there is one of its name again. */
export interface PolicyRemoval {
  readonly name: string
  /** What it was at; a policy of its name that is made anew goes on from there. */
  readonly generation: number
  /** Milliseconds since the epoch. */
  readonly removedAt: number
}

/** A row of the retention table. */
export interface RetentionLevel {
  /** 0–100. */
  readonly level: number
  /** How long an image of it is kept, milliseconds; `null` is for ever. */
  readonly periodMs: number | null
}

const dayMs = 86_400_000
const defaultDays = [7, 14, 21, 31, 62, 93, 186, 279, 365]

/** The field's retention table: 0 a week … 8 a year of 365 days; 9 never expires, 25 at once, all others never. */
export const defaultRetentionLevels: readonly RetentionLevel[] = Array.from({ length: 101 }, (_, level) => {
  const days = level === 25 ? 0 : defaultDays[level]
  return { level, periodMs: days === undefined ? null : days * dayMs }
})

/** How long an image of a retention level is kept by the field's table, milliseconds; `undefined` is for ever. */
export function retentionPeriodMs(level: number): number | undefined {
  return defaultRetentionLevels[level]?.periodMs ?? undefined
}
