import type {
  AllocationRequest,
  AllocationResult,
  DiskSpace,
  SpaceReport,
  DiskStorageUnit,
  Drive,
  DriveControl,
  DriveState,
  MediaError,
  MediaErrorVerdict,
  MediumContent,
  MediaServerEntry,
  ResourceChange,
  Robot,
  StorageUnit,
  StorageUnitGroup,
  StoredImage,
  TapeStorageUnit,
  Volume,
  VolumePool,
  VolumeState,
} from '@nb/contracts'
import { z } from 'zod'
import { fragmentRecord } from './image.ts'
import { allocation, blocker, mediaNeed, turn } from './resources.ts'
import {
  closed,
  count,
  flag,
  fraction,
  integer,
  list,
  maybe,
  oneOf,
  type Schema,
  text,
  time,
  variants,
} from './schema.ts'

export const upOrDown: Schema<'up' | 'down'> = oneOf<'up' | 'down'>({ up: true, down: true })

const anyStorageUnit = {
  name: text,
  mediaServer: text,
  state: upOrDown,
  stateReason: maybe(text),
  maxFragmentBytes: count,
  onDemandOnly: flag,
}

export const storageUnit: Schema<StorageUnit> = variants<StorageUnit, 'type'>('type', {
  disk: closed<DiskStorageUnit>({
    ...anyStorageUnit,
    type: z.literal('disk'),
    maxConcurrentJobs: count,
    highWaterPercent: maybe(integer),
    lowWaterPercent: maybe(integer),
    staging: maybe(flag),
    space: maybe(
      closed<DiskSpace>({
        totalBytes: count,
        freeBytes: count,
        at: time,
        committedBytes: count,
        full: maybe(flag),
      }),
    ),
    missing: maybe(text),
  }),
  tape: closed<TapeStorageUnit>({
    ...anyStorageUnit,
    type: z.literal('tape'),
    density: text,
    robot: maybe(text),
    maxConcurrentDrives: count,
    maxStreamsPerDrive: maybe(integer),
  }),
})

export const spaceReport: Schema<SpaceReport> = z.union([
  closed<Exclude<SpaceReport, { readonly missing: string }>>({
    storageUnit: text,
    totalBytes: count,
    freeBytes: count,
    full: maybe(flag),
  }),
  closed<Extract<SpaceReport, { readonly missing: string }>>({ storageUnit: text, missing: text }),
])

export const storageUnitGroup: Schema<StorageUnitGroup> = closed<StorageUnitGroup>({
  name: text,
  members: list(text),
  selection: oneOf<StorageUnitGroup['selection']>({
    prioritised: true,
    failover: true,
    'round-robin': true,
    'load-balanced': true,
    'most-free-space': true,
  }),
})

export const volumePool: Schema<VolumePool> = closed<VolumePool>({
  name: text,
  scratch: flag,
  maxPartiallyFull: maybe(count),
})

export const mediaServerEntry: Schema<MediaServerEntry> = closed<MediaServerEntry>({
  name: text,
  state: upOrDown,
  stateReason: maybe(text),
  maxConcurrentJobs: maybe(count),
  load: maybe(closed<NonNullable<MediaServerEntry['load']>>({ value: fraction, at: time })),
})

export const robot: Schema<Robot> = closed<Robot>({ name: text, state: upOrDown, stateReason: maybe(text) })

export const volumeState: Schema<VolumeState> = oneOf<VolumeState>({
  active: true,
  full: true,
  frozen: true,
  suspended: true,
  expired: true,
  imported: true,
})

export const driveState: Schema<DriveState> = oneOf<DriveState>({ up: true, down: true, operator: true })

export const volume: Schema<Volume> = closed<Volume>({
  volumeId: text,
  barcode: maybe(text),
  density: text,
  pool: text,
  scratchPool: maybe(text),
  robot: maybe(text),
  slot: maybe(integer),
  state: volumeState,
  stateReason: maybe(text),
  assignedAt: maybe(time),
  retentionLevel: maybe(integer),
  multiRetention: maybe(flag),
  multiplexed: maybe(flag),
  mounts: count,
  maxMounts: maybe(count),
  firstMountedAt: maybe(time),
  lastMountedAt: maybe(time),
  expiresAt: maybe(time),
  generation: maybe(text),
  labelledAt: maybe(time),
  files: maybe(count),
})

export const drive: Schema<Drive> = closed<Drive>({
  name: text,
  mediaServer: text,
  density: text,
  robot: maybe(text),
  state: driveState,
  stateReason: maybe(text),
  loadedVolume: maybe(text),
  mountMsSinceCleaning: maybe(count),
  cleanedAt: maybe(time),
  control: maybe(oneOf<DriveControl>({ TLD: true, AVR: true, OPR: true, 'DOWN-TLD': true, DOWN: true })),
})

const mediaErrorShape = {
  volumeId: maybe(text),
  drive: text,
  kind: oneOf<MediaError['kind']>({ read: true, write: true, position: true }),
  jobId: maybe(text),
}

export const newMediaError: Schema<Omit<MediaError, 'at'>> = closed<Omit<MediaError, 'at'>>(mediaErrorShape)

export const mediaError: Schema<MediaError> = closed<MediaError>({ ...mediaErrorShape, at: time })

export const mediaErrorVerdict: Schema<MediaErrorVerdict> = closed<MediaErrorVerdict>({
  action: oneOf<MediaErrorVerdict['action']>({
    none: true,
    'volume-frozen': true,
    'volume-suspended': true,
    'drive-down': true,
  }),
  text,
})

export const allocationRequest: Schema<AllocationRequest> = closed<AllocationRequest>({
  allocationId: text,
  jobId: text,
  need: mediaNeed,
  flow: maybe(oneOf<'backup' | 'restore'>({ backup: true, restore: true })),
  turns: maybe(list(turn)),
  othersWait: maybe(flag),
})

export const allocationResult: Schema<AllocationResult> = variants<AllocationResult, 'granted'>('granted', {
  true: closed<Extract<AllocationResult, { granted: true }>>({
    granted: z.literal(true),
    allocation,
    favour: maybe(
      oneOf<'multiplex-group' | 'mounted-volume'>({ 'multiplex-group': true, 'mounted-volume': true }),
    ),
    othersBlockedBy: maybe(list(blocker)),
  }),
  false: closed<Extract<AllocationResult, { granted: false }>>({
    granted: z.literal(false),
    possible: flag,
    blockers: list(blocker),
  }),
})

export const resourceChange: Schema<ResourceChange> = closed<ResourceChange>({
  storageUnits: list(text),
  groups: maybe(list(text)),
})

export const storedImage: Schema<StoredImage> = closed<StoredImage>({
  backupId: text,
  copy: count,
  fragments: count,
  bytes: count,
})

export const mediumContent: Schema<MediumContent> = variants<MediumContent, 'kind'>('kind', {
  fragment: closed<Extract<MediumContent, { kind: 'fragment' }>>({
    kind: z.literal('fragment'),
    backupId: text,
    copy: count,
    fragment: fragmentRecord,
    last: flag,
  }),
  damaged: closed<Extract<MediumContent, { kind: 'damaged' }>>({
    kind: z.literal('damaged'),
    filemark: count,
    reason: text,
  }),
})
