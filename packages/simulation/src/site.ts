import type { Policy, RetentionLevel, StartWindow, StorageUnitGroup, VolumePool } from '@nb/contracts'

/** A site to simulate. Sizes are bytes, speeds bytes per second, times milliseconds. */
export interface SimulatedSite {
  /** The zone of all windows. @default 'UTC' */
  readonly timeZone?: string
  readonly clients: readonly SimulatedClient[]
  readonly mediaServers: readonly SimulatedMediaServer[]
  readonly diskUnits?: readonly SimulatedDiskUnit[]
  readonly tapeUnits?: readonly SimulatedTapeUnit[]
  readonly drives?: readonly SimulatedDrive[]
  readonly volumes?: readonly SimulatedVolume[]
  /** Beside `NetBackup`, `DataStore` and `CatalogBackup`, which there are always. */
  readonly pools?: readonly VolumePool[]
  readonly groups?: readonly StorageUnitGroup[]
  /** One copy of each backup is written: schedules with `copies` are refused. */
  readonly policies: readonly Policy[]
  /** Where it differs from the field's table. */
  readonly retentionLevels?: readonly RetentionLevel[]
  readonly failures?: SimulatedFailures
  /** Most jobs of any one client at once, from 1. @default 1, as in the field */
  readonly maxJobsPerClient?: number
}

/** A client with data of a size, of which a part changes every day. */
export interface SimulatedClient {
  readonly name: string
  readonly sizeBytes: number
  /** The share of the data that changes in 24 hours, 0–1. */
  readonly changePerDay: number
  /** How fast its data is read and sent, from 1; its jobs share it. */
  readonly readBytesPerSecond: number
  /** How long each backup walks the tree before data flows, from 0. @default 0 */
  readonly walkMs?: number
  /** How much a backup may be larger or smaller than computed, by the seed, 0–1. @default 0 */
  readonly variation?: number
  /** Size of an average file, from 1. @default 1048576 */
  readonly fileBytes?: number
  /** The chance of a backup to fail at the client, with status 2, 0–1. @default 0 */
  readonly failChance?: number
  /** When it can't be reached, every week. */
  readonly outages?: readonly StartWindow[]
}

/** A media server: its jobs share its throughput. */
export interface SimulatedMediaServer {
  readonly name: string
  /** From 1. @default no limit */
  readonly bytesPerSecond?: number
  /** Most jobs that move data through it at once, from 1. @default no limit */
  readonly maxConcurrentJobs?: number
}

/** A disk storage unit. */
export interface SimulatedDiskUnit {
  readonly name: string
  readonly mediaServer: string
  /** Its jobs share it, from 1. */
  readonly writeBytesPerSecond: number
  /** Full is full: a job that needs more ends with 129. @default no limit */
  readonly capacityBytes?: number
  /**
   * The high-water mark, a whole percentage of `capacityBytes`, which it needs, 1–100: the media manager is told the room then. A disk that is
   * used so far takes nothing new until images have expired, and a backup waits that is expected to be larger than the room below the mark.
   * @default the room is told to nobody: jobs are let in, and end with 129
   */
  readonly highWaterPercent?: number
  /** Most jobs at once, from 0. */
  readonly maxConcurrentJobs: number
  /** Only used when a policy names it. @default false */
  readonly onDemandOnly?: boolean
}

/** Drives of one density and robot behind a media server. */
export interface SimulatedTapeUnit {
  readonly name: string
  readonly mediaServer: string
  readonly density: string
  readonly robot?: string
  /** Most drives that write at once, from 0. @default all it has */
  readonly maxConcurrentDrives?: number
  /** Most jobs that write to one drive at once, 1–32. @default 1 */
  readonly maxStreamsPerDrive?: number
  /** Only used when a policy names it. @default false */
  readonly onDemandOnly?: boolean
}

/** A tape drive. */
export interface SimulatedDrive {
  readonly name: string
  readonly mediaServer: string
  readonly density: string
  readonly robot?: string
  /** The jobs of one group share it, from 1. */
  readonly writeBytesPerSecond: number
  /** From the empty drive to a volume that is loaded, from 0. @default 60000 */
  readonly mountMs?: number
  /** From a loaded volume to the empty drive, from 0. @default 60000 */
  readonly unmountMs?: number
  /** To the place where an image begins, from 0. @default 30000 */
  readonly positionMs?: number
}

/** A tape volume, empty at first. */
export interface SimulatedVolume {
  /** At most 6 characters. */
  readonly volumeId: string
  readonly density: string
  /** @default 'NetBackup' */
  readonly pool?: string
  readonly robot?: string
  /** From 1. */
  readonly capacityBytes: number
}

/** What goes wrong. */
export interface SimulatedFailures {
  /** At known times. */
  readonly planned?: readonly PlannedFailure[]
  /** By chance, which the seed repeats. */
  readonly random?: RandomFailures
}

/** Something is away for a while. */
export interface PlannedFailure {
  readonly kind: 'drive-down' | 'client-unreachable' | 'storage-unit-down'
  /** The drive, client or storage unit. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly durationMs: number
}

/** How often things go wrong. */
export interface RandomFailures {
  /** The chance of a backup to find its client unreachable, 0–1. @default 0 */
  readonly clientUnreachable?: number
  /** The chance of a backup to break off at a media error somewhere in its data, 0–1. @default 0 */
  readonly mediaError?: number
  /** How often a drive goes down, per drive and 30 days, from 0. @default 0 */
  readonly driveDownsPerMonth?: number
  /** How long a drive is down then, from 1. @default 14400000, 4 hours */
  readonly driveDownMs?: number
}
