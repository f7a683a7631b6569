import type { CallOptions } from './call-options.ts'
import type { Allocation, Blocker, MediaNeed } from './resources.ts'

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
}

/** Tape drives of one density in one robot. */
export interface TapeStorageUnit extends StorageUnitBase {
  readonly type: 'tape'
  readonly density: string
  readonly robot?: string
  /** Most drives that write at once. */
  readonly maxConcurrentDrives: number
}

/** Storage units to choose from. */
export interface StorageUnitGroup {
  readonly name: string
  readonly members: readonly string[]
  /** `prioritised`: the first that is available; `failover`: the first that is not down; `round-robin`: the least recently used. */
  readonly selection: 'prioritised' | 'failover' | 'round-robin'
}

/** A set of volumes for a purpose. */
export interface VolumePool {
  readonly name: string
  /** Other pools take empty volumes from it. */
  readonly scratch: boolean
}

/** A tape volume. Times are milliseconds since the epoch. */
export interface Volume {
  /** At most 6 characters. */
  readonly volumeId: string
  readonly barcode?: string
  readonly density: string
  readonly pool: string
  readonly robot?: string
  readonly slot?: number
  readonly state: 'active' | 'full' | 'frozen' | 'suspended' | 'expired' | 'imported'
  readonly stateReason?: string
  /** Set while images are on it. */
  readonly assignedAt?: number
  /** The level of the images on it; levels are not mixed. */
  readonly retentionLevel?: number
  readonly mounts: number
  readonly lastMountedAt?: number
}

/** A tape drive. */
export interface Drive {
  readonly name: string
  readonly mediaServer: string
  readonly density: string
  readonly robot?: string
  readonly state: 'up' | 'down'
  readonly stateReason?: string
  /** The volume in it. */
  readonly loadedVolume?: string
}

/** A request for real resources. */
export interface AllocationRequest {
  /** Names the allocation for ever: the same id again answers with the same allocation. */
  readonly allocationId: string
  readonly jobId: string
  readonly need: MediaNeed
  /** Which flow's log line tells of it. */
  readonly flow?: 'backup' | 'restore'
}

/** Either all that was asked for, or why nothing. */
export type AllocationResult =
  | { readonly granted: true; readonly allocation: Allocation }
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
  /** Adds or replaces what is known of a volume. Rejects with `pool-unknown`, `argument-invalid`. */
  putVolume(input: Volume, options?: CallOptions): Promise<void>
  /** The volumes, sorted by id, that fit all given conditions. */
  volumes(
    input: { readonly volumeId?: string; readonly pool?: string },
    options?: CallOptions,
  ): AsyncIterable<Volume>
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
    input: { readonly need: MediaNeed },
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
  /** When resources are set aside. */
  'allocation:made': { readonly allocation: Allocation }
  /** When resources are given back. */
  'allocation:released': { readonly allocationId: string; readonly jobId: string }
}
