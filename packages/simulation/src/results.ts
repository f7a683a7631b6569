import type { JobType, ScheduleType } from '@nb/contracts'

/** A job of a simulation. Times are milliseconds since the epoch. */
export interface SimulatedJob {
  readonly id: string
  readonly type: JobType
  readonly policy?: string
  readonly client: string
  readonly stream?: string
  readonly schedule?: string
  readonly scheduleType?: ScheduleType
  readonly submittedAt: number
  readonly activeAt?: number
  readonly endedAt?: number
  /** Absent while it has not ended for good. */
  readonly status?: number
  /** What it wrote, 0 when it failed. */
  readonly bytes: number
  readonly attempts: number
  readonly mediaServer?: string
  readonly storageUnit?: string
  /** When the window closes that it was submitted in. */
  readonly windowClosesAt?: number
}

/** A start window in which a policy owed a client a backup and did not give it. */
export interface WindowMiss {
  readonly kind: MissKind
  readonly policy: string
  readonly client: string
  readonly stream?: string
  readonly schedule: string
  /** When the run was first submitted, milliseconds since the epoch. */
  readonly dueAt: number
  /** When its window closed. */
  readonly closesAt: number
  /** The last job of the run. */
  readonly jobId: string
  /** How it ended. */
  readonly status: number
  /** What it waited for longest, where it waited. */
  readonly waitedFor?: WaitedFor
}

/**
 * `not-started`: still queued when the window closed (196); `started-late`: became active after it had closed; `failed`:
 * ended with another status, and no other try in the window went well.
 */
export type MissKind = 'not-started' | 'started-late' | 'failed'

/** What jobs wait for: a blocker as `explain` names it. */
export interface WaitedFor {
  /** Such as `drive`, `policy-limit`. */
  readonly kind: string
  readonly name: string
}

/** How long jobs of a policy waited for one thing. A job that waits for two at once counts at both. */
export interface WaitingTime extends WaitedFor {
  readonly policy: string
  readonly totalMs: number
  readonly jobs: number
}

/** A drive by the hour, from the beginning; each value is milliseconds of that hour. */
export interface DriveHours {
  readonly name: string
  readonly mediaServer: string
  /** Held by jobs. */
  readonly heldMs: readonly number[]
  readonly downMs: readonly number[]
  /** Bytes written in each hour. */
  readonly bytes: readonly number[]
}

/** A media server or disk storage unit by the hour. */
export interface Throughput {
  readonly name: string
  readonly bytes: readonly number[]
}

/** The queue by the hour. */
export interface QueueLength {
  /** Jobs waiting, on average over the hour. */
  readonly mean: readonly number[]
  /** The most at once. */
  readonly most: readonly number[]
}

/** The volumes at the end of the time simulated. */
export interface VolumeCounts {
  readonly all: number
  /** With no image on them. */
  readonly empty: number
  readonly full: number
  readonly partlyFull: number
  readonly frozen: number
  /** The fewest that were empty at any midnight. */
  readonly fewestEmpty: number
}

/** What a simulation has found. Plain data; the same site, options and seed give the same, byte for byte. */
export interface SimulationResults {
  readonly seed: number
  /** The time simulated, milliseconds since the epoch. */
  readonly from: number
  readonly until: number
  /** In order of submission. */
  readonly jobs: readonly SimulatedJob[]
  readonly misses: readonly WindowMiss[]
  readonly waiting: readonly WaitingTime[]
  readonly queue: QueueLength
  readonly drives: readonly DriveHours[]
  readonly mediaServers: readonly Throughput[]
  readonly diskUnits: readonly (Throughput & { readonly usedBytes: number })[]
  readonly volumes: VolumeCounts
  /** Backup bytes that were written. */
  readonly bytesWritten: number
}
