import type { CallOptions } from './call-options.ts'
import type { Allocation, Blocker, MediaNeed, Turn } from './resources.ts'

/** A place where images go: a directory on a disk, or drives of one density behind a media server. */
export type StorageUnit = DiskStorageUnit | TapeStorageUnit

interface StorageUnitBase {
  readonly name: string
  readonly mediaServer: string
  /** Whether it may be used. @default 'up' */
  readonly state: 'up' | 'down'
  /** Why it is down. */
  readonly stateReason?: string
  /** Largest fragment of an image in bytes, 1 MiB–1 PiB. */
  readonly maxFragmentBytes: number
  /** Only used when a policy names it. */
  readonly onDemandOnly: boolean
}

/** A directory on a media server's disk. */
export interface DiskStorageUnit extends StorageUnitBase {
  readonly type: 'disk'
  /** Most jobs at once; 0 disables it. */
  readonly maxConcurrentJobs: number
  /** High-water mark: used to this percent of its file system or more, it is not chosen for new backups, 1–100. @default 98 */
  readonly highWaterPercent?: number
  /** Low-water mark: room is made down to this percent, below the high-water mark. @default 80, or one less than a lower high-water mark */
  readonly lowWaterPercent?: number
  /**
   * Whether room is made by removing copies of images that have another copy elsewhere, oldest first; never the last copy.
   * @default false, only what has expired is removed
   */
  readonly staging?: boolean
  /** What its file system last had. Set by {@link MediaManager.reportSpace}; told, not taken. */
  readonly space?: DiskSpace
  /** Why its media server can't reach it, as that last told: mostly that its disk is not mounted. Then no `space` is shown. */
  readonly missing?: string
}

/** The room of a disk storage unit, as its media server last told it. */
export interface DiskSpace {
  readonly totalBytes: number
  readonly freeBytes: number
  /** When it was told, milliseconds since the epoch. */
  readonly at: number
  /** What the jobs that write there now were expected to write. */
  readonly committedBytes: number
  /** Whether a job has found no room there, and none has come free since. */
  readonly full?: boolean
}

/** What a media server tells of the room of a disk storage unit. */
export type SpaceReport =
  | {
      readonly storageUnit: string
      readonly totalBytes: number
      readonly freeBytes: number
      /** Whether a job has just found none. @default false */
      readonly full?: boolean
    }
  | {
      readonly storageUnit: string
      /** Why the unit can't be reached, as a sentence for the operator. */
      readonly missing: string
    }

/** Tape drives of one density in one robot. */
export interface TapeStorageUnit extends StorageUnitBase {
  readonly type: 'tape'
  readonly density: string
  readonly robot?: string
  /** Most drives that write at once. */
  readonly maxConcurrentDrives: number
  /** Most jobs that write to one drive at once (multiplexing), 1–32. @default 1 */
  readonly maxStreamsPerDrive?: number
}

/** A media server as far as resources go. One that is not registered has no limit and is up. */
export interface MediaServerEntry {
  readonly name: string
  readonly state: 'up' | 'down'
  readonly stateReason?: string
  /** Most jobs that move data through it at once. @default no limit */
  readonly maxConcurrentJobs?: number
  /** How busy it said it is, 0–1, and when. Set by {@link MediaManager.reportLoad}. */
  readonly load?: { readonly value: number; readonly at: number }
}

/** A robot. One that is not registered is up. */
export interface Robot {
  readonly name: string
  readonly state: 'up' | 'down'
  readonly stateReason?: string
}

/** Storage units to choose from. */
export interface StorageUnitGroup {
  readonly name: string
  readonly members: readonly string[]
  /**
   * `prioritised`: the first that is available; `failover`: the first that is not down; `round-robin`: the least recently
   * used; `load-balanced`: of those available the one whose media server is least busy; `most-free-space`: of those available the
   * disk with the most room below its high-water mark, tape last.
   */
  readonly selection: StorageUnitSelection
}

/** How a {@link StorageUnitGroup} chooses. */
export type StorageUnitSelection =
  'prioritised' | 'failover' | 'round-robin' | 'load-balanced' | 'most-free-space'

/** A set of volumes for a purpose. */
export interface VolumePool {
  readonly name: string
  /** Other pools take empty volumes from it. */
  readonly scratch: boolean
  /** Most volumes of it that are partly full at once; a new one is taken only below. @default no limit */
  readonly maxPartiallyFull?: number
}

/** A tape volume. Times are milliseconds since the epoch. */
export interface Volume {
  /** At most 6 characters. */
  readonly volumeId: string
  readonly barcode?: string
  readonly density: string
  readonly pool: string
  /** The scratch pool that it came from and goes back to with its last image; told by the media manager, not taken. */
  readonly scratchPool?: string
  readonly robot?: string
  readonly slot?: number
  readonly state: VolumeState
  readonly stateReason?: string
  /** Set while images are on it. */
  readonly assignedAt?: number
  /** The level of the images on it, or of the first of several levels. */
  readonly retentionLevel?: number
  /** Whether images of several levels are on it. */
  readonly multiRetention?: boolean
  /** Whether images on it are interleaved. */
  readonly multiplexed?: boolean
  readonly mounts: number
  /** Mounted that often, it is written to no more. @default no limit */
  readonly maxMounts?: number
  readonly firstMountedAt?: number
  readonly lastMountedAt?: number
  /** When the medium itself is too old to be written to. */
  readonly expiresAt?: number
  /**
   * The generation that its label has, as the hardware last confirmed it; told by {@link MediaManager.recordLabel}, not taken. With its
   * last image `files` is forgotten: then, and only then, it may be labelled anew before it is written to again.
   */
  readonly generation?: string
  /** When it was labelled. */
  readonly labelledAt?: number
  /**
   * Number of the tape file after the last one that is known to be whole in this generation: a lower bound, from which an append looks
   * for the end. Told by {@link MediaManager.recordVolumeFiles}, not taken.
   */
  readonly files?: number
}

/**
 * `active` volumes are written to. `full`: no room; `suspended`: no more writes until its images have expired, then
 * active again; `frozen`: no more writes and never unassigned until a person says so; `expired`: too old or mounted
 * too often; `imported`: came with images of another catalog. All of them can be read.
 */
export type VolumeState = 'active' | 'full' | 'frozen' | 'suspended' | 'expired' | 'imported'

/** `operator`: only used when a person assigns it. */
export type DriveState = 'up' | 'down' | 'operator'

/**
 * How an administrator knows a drive: `TLD` up in its robot, `AVR` up without one (stand-alone, or its robot is down),
 * `OPR` operator mode, `DOWN-TLD` and `DOWN`.
 */
export type DriveControl = 'TLD' | 'AVR' | 'OPR' | 'DOWN-TLD' | 'DOWN'

/** An error of a medium in a drive. */
export interface MediaError {
  readonly volumeId?: string
  readonly drive: string
  readonly kind: 'read' | 'write' | 'position'
  readonly jobId?: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What an error led to: by pattern, too many of them freeze the volume or take the drive down. */
export interface MediaErrorVerdict {
  readonly action: 'none' | 'volume-frozen' | 'volume-suspended' | 'drive-down'
  /** Why, for a person, with the way back. */
  readonly text: string
}

/** A tape drive. */
export interface Drive {
  readonly name: string
  readonly mediaServer: string
  readonly density: string
  readonly robot?: string
  readonly state: DriveState
  readonly stateReason?: string
  /** The volume in it. */
  readonly loadedVolume?: string
  /**
   * How long volumes were mounted in it for jobs since it was last cleaned, milliseconds; told by {@link MediaManager.recordDriveUse}, not taken.
   * Absent before its first such mount.
   */
  readonly mountMsSinceCleaning?: number
  /** When it was last cleaned, milliseconds since the epoch; told by {@link MediaManager.recordCleaning}, not taken. Absent where that is not known. */
  readonly cleanedAt?: number
  /** How an administrator knows it; told by the media manager, not taken. */
  readonly control?: DriveControl
}

/** A request for real resources. */
export interface AllocationRequest {
  /** Names the allocation for ever: the same id again answers with the same allocation. */
  readonly allocationId: string
  readonly jobId: string
  readonly need: MediaNeed
  /** Which flow's log line tells of it. */
  readonly flow?: 'backup' | 'restore'
  /** Storage units that are the turn of other jobs: neither they nor those that share their drives are given. */
  readonly turns?: readonly Turn[]
  /** Whether others wait for the same: the answer may then tell what they would be told, and they need not ask. */
  readonly othersWait?: boolean
}

/** Either all that was asked for, or why nothing. */
export type AllocationResult =
  | {
      readonly granted: true
      readonly allocation: Allocation
      /** What let it be served where others may have to wait: it joined jobs that share a drive, its volume was mounted. */
      readonly favour?: 'multiplex-group' | 'mounted-volume'
      /** Where others wait for the same: why they would be denied after this, by releases that they can wait for. */
      readonly othersBlockedBy?: readonly Blocker[]
    }
  /** `possible` is false when no release of others can ever help. */
  | { readonly granted: false; readonly possible: boolean; readonly blockers: readonly Blocker[] }

/** What {@link MediaManager.watch} tells: something that waiting requests may gain from. */
export interface ResourceChange {
  /** Storage units that may serve more than before, or that are gone. */
  readonly storageUnits: readonly string[]
  /** Groups that may choose otherwise than before, or that are gone. */
  readonly groups?: readonly string[]
}

/**
 * Knows storage units and their groups, pools, volumes and drives, and sets them aside for jobs.
 *
 * Obligations: `allocate` is atomic and durable: all or nothing, never more than there is, never a wait.
 * Facts about hardware change only after the hardware has confirmed.
 */
export interface MediaManager {
  /** Adds or replaces. Rejects with `argument-invalid`, naming the field. */
  putStorageUnit(input: StorageUnit, options?: CallOptions): Promise<void>
  /** Removes; rejects with `state-conflict` while allocated, `storage-unit-unknown`. */
  removeStorageUnit(input: { readonly name: string }, options?: CallOptions): Promise<void>
  /** Brings it up or down, with the reason. Running jobs go on. */
  setStorageUnitState(
    input: { readonly name: string; readonly state: 'up' | 'down'; readonly reason?: string },
    options?: CallOptions,
  ): Promise<void>
  /** The storage units, sorted by name; with `name` that one, or none. */
  storageUnits(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<StorageUnit>
  /** Adds or replaces. Rejects with `argument-invalid`, naming the field. */
  putMediaServer(input: MediaServerEntry, options?: CallOptions): Promise<void>
  /** The registered media servers, sorted by name; with `name` that one, or none. */
  mediaServers(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<MediaServerEntry>
  /** A media server tells how busy it is, 0–1; forgotten with a restart. Rejects with `media-server-unknown`, `argument-invalid`. */
  reportLoad(input: { readonly name: string; readonly load: number }, options?: CallOptions): Promise<void>
  /**
   * A media server tells the room of a disk storage unit; with `full`, that a job has found none. It is marked full then until
   * more is free than at that time. With `missing`, that it can't reach the unit, until it tells the room again; jobs are given the unit
   * nevertheless, and find out. Forgotten with a restart. Rejects with `storage-unit-unknown`, `argument-invalid`.
   */
  reportSpace(input: SpaceReport, options?: CallOptions): Promise<void>
  /** Adds or replaces. Rejects with `argument-invalid`, naming the field. */
  putRobot(input: Robot, options?: CallOptions): Promise<void>
  /** The registered robots, sorted by name; with `name` that one, or none. */
  robots(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<Robot>
  /** Adds or replaces. Rejects with `storage-unit-unknown` for a member that is not configured. */
  putGroup(input: StorageUnitGroup, options?: CallOptions): Promise<void>
  /** Removes; its members stay. Rejects with `storage-group-unknown`. */
  removeGroup(input: { readonly name: string }, options?: CallOptions): Promise<void>
  /** The groups, sorted by name; with `name` that one, or none. */
  groups(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<StorageUnitGroup>
  /** Adds or replaces. Rejects with `argument-invalid`, naming the field; `state-conflict` for a second scratch pool. */
  putPool(input: VolumePool, options?: CallOptions): Promise<void>
  /** The volume pools, sorted by name; with `name` that one, or none. */
  pools(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<VolumePool>
  /**
   * Adds or replaces what is known of a volume; what the images on it and its label say stays as they say it. Rejects with
   * `pool-unknown`, `argument-invalid`.
   */
  putVolume(input: Volume, options?: CallOptions): Promise<void>
  /** The volumes, sorted by id, that fit all given conditions. */
  volumes(
    input: { readonly volumeId?: string; readonly pool?: string },
    options?: CallOptions,
  ): AsyncIterable<Volume>
  /**
   * Gives a volume another state, with the reason: freeze, suspend, mark full, or back to active. Rejects with `not-found`;
   * `state-conflict` for full, suspended and frozen where it has no images and no job uses it, and for active where it was
   * mounted as often as allowed or is too old. Active again without images, it is unassigned. Said to be full, one that takes no more
   * already stays as it is.
   */
  setVolumeState(
    input: { readonly volumeId: string; readonly state: VolumeState; readonly reason?: string },
    options?: CallOptions,
  ): Promise<void>
  /**
   * An image is on the volume from now on: it becomes assigned with its retention level. Durable before a backup is
   * reported. Idempotent. Rejects with `not-found`.
   */
  assignImage(
    input: {
      readonly volumeId: string
      readonly backupId: string
      readonly retentionLevel: number
      readonly multiplexed?: boolean
    },
    options?: CallOptions,
  ): Promise<void>
  /**
   * An image's fragments are gone from the volume, or from all. A volume without images is unassigned: it goes back to
   * its pool, or to the scratch pool it came from, and its label counts no more unless a job holds it; not while it is frozen. Idempotent.
   */
  unassignImage(
    input: { readonly backupId: string; readonly volumeId?: string },
    options?: CallOptions,
  ): Promise<{ readonly unassigned: readonly string[] }>
  /** The images on a volume, by id. Rejects with `not-found`. */
  volumeImages(input: { readonly volumeId: string }, options?: CallOptions): AsyncIterable<string>
  /**
   * The hardware has put a volume into a drive: one more mount, and none more when it is said again while it is there.
   * The last mount that it may have makes it `expired`. Rejects with `not-found`; `state-conflict` while either holds another.
   */
  recordMount(
    input: { readonly volumeId: string; readonly drive: string },
    options?: CallOptions,
  ): Promise<void>
  /** The hardware has taken what was in a drive out of it. Idempotent. Rejects with `not-found`. */
  recordUnmount(input: { readonly drive: string }, options?: CallOptions): Promise<void>
  /**
   * The hardware has shown where a volume is kept: a slot of a robot, a robot without a slot of its own, or no robot. True whoever
   * uses it; another volume that was noted in that slot is not there any more and has none. Idempotent. Rejects with `not-found`,
   * `argument-invalid` for a slot without a robot.
   */
  recordPlace(
    input: { readonly volumeId: string; readonly robot?: string; readonly slot?: number },
    options?: CallOptions,
  ): Promise<void>
  /**
   * The hardware has confirmed a volume's label: one just written, or one that was read. With another generation nothing is known of
   * its files. Idempotent. Rejects with `not-found`; `state-conflict` where images are on it in another generation that is known.
   */
  recordLabel(
    input: { readonly volumeId: string; readonly generation: string; readonly labelledAt: number },
    options?: CallOptions,
  ): Promise<void>
  /**
   * All tape files before number `files` are whole on the volume in that generation. Fewer than are known change nothing. Rejects
   * with `not-found`; `state-conflict` where the volume has another generation or none that is known.
   */
  recordVolumeFiles(
    input: { readonly volumeId: string; readonly generation: string; readonly files: number },
    options?: CallOptions,
  ): Promise<void>
  /** Brings a drive up, down or under an operator, with the reason. Running jobs go on. Rejects with `not-found`. */
  setDriveState(
    input: { readonly name: string; readonly state: DriveState; readonly reason?: string },
    options?: CallOptions,
  ): Promise<void>
  /**
   * How long volumes were mounted in a drive for jobs since its last cleaning, milliseconds: all of it, so that the same said again changes
   * nothing. Rejects with `not-found`, `argument-invalid`.
   */
  recordDriveUse(
    input: { readonly drive: string; readonly mountMsSinceCleaning: number },
    options?: CallOptions,
  ): Promise<void>
  /** A drive has been cleaned now: its time is counted anew. Rejects with `not-found`. */
  recordCleaning(input: { readonly drive: string }, options?: CallOptions): Promise<void>
  /** Notes an error and tells what it led to. Rejects with `not-found`. */
  reportError(input: Omit<MediaError, 'at'>, options?: CallOptions): Promise<MediaErrorVerdict>
  /** The errors that are remembered, oldest first. */
  mediaErrors(
    input: { readonly volumeId?: string; readonly drive?: string },
    options?: CallOptions,
  ): AsyncIterable<MediaError>
  /** Forgets errors of a volume, a drive, or the two together: the way back after repair. Rejects with `argument-invalid` without either. */
  forgetErrors(
    input: { readonly volumeId?: string; readonly drive?: string },
    options?: CallOptions,
  ): Promise<void>
  /** Adds or replaces what is known of a drive. Rejects with `argument-invalid`, naming the field. */
  putDrive(input: Drive, options?: CallOptions): Promise<void>
  /** The drives, sorted by name; with `name` that one, or none. */
  drives(input: { readonly name?: string }, options?: CallOptions): AsyncIterable<Drive>
  /**
   * Step 4–5 of a backup, 10 of a restore. Idempotent by `allocationId`; the id with another job or need rejects
   * with `request-duplicate`.
   */
  allocate(input: AllocationRequest, options?: CallOptions): Promise<AllocationResult>
  /** What `allocate` would say now, setting nothing aside: no blockers means that it would be granted. */
  blockers(
    input: { readonly need: MediaNeed; readonly turns?: readonly Turn[] },
    options?: CallOptions,
  ): Promise<{ readonly possible: boolean; readonly blockers: readonly Blocker[] }>
  /** Gives back. Idempotent. */
  release(input: { readonly allocationId: string }, options?: CallOptions): Promise<void>
  /** What is set aside now, for one job or for all. */
  allocations(input: { readonly jobId?: string }, options?: CallOptions): AsyncIterable<Allocation>
  /** Live: changes since the call that may help waiting requests, until the signal aborts. */
  watch(input: Record<string, never>, options?: CallOptions): AsyncIterable<ResourceChange>
}

/** Events of a media manager. */
export interface MediaManagerEvents {
  /** When a storage unit goes up or down. */
  'storage-unit:state': { readonly name: string; readonly state: 'up' | 'down'; readonly reason?: string }
  /**
   * When a disk storage unit is found at or above its high-water mark, or full: with each report of its room as long as it is.
   * `bytesToLowWater` is what has to go for it to be at the low one.
   */
  'storage-unit:high-water': {
    readonly name: string
    readonly usedPercent: number
    readonly highWaterPercent: number
    readonly bytesToLowWater: number
    readonly staging: boolean
  }
  /** When a volume changes its state. */
  'volume:state': { readonly volumeId: string; readonly state: VolumeState; readonly reason?: string }
  /** When the first image comes onto a volume. */
  'volume:assigned': { readonly volumeId: string; readonly retentionLevel: number }
  /** When the last image is gone from a volume. */
  'volume:unassigned': { readonly volumeId: string; readonly pool: string }
  /** When a drive changes its state. */
  'drive:state': { readonly name: string; readonly state: DriveState; readonly reason?: string }
  /** When a media server changes its state. */
  'media-server:state': { readonly name: string; readonly state: 'up' | 'down'; readonly reason?: string }
  /** When a medium or drive has failed, with what it led to. */
  'media:error': MediaError & MediaErrorVerdict
  /** When resources are set aside. */
  'allocation:made': { readonly allocation: Allocation }
  /** When resources are given back. */
  'allocation:released': { readonly allocationId: string; readonly jobId: string }
}
