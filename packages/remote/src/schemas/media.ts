import type {
  AllocationRequest,
  AllocationResult,
  DiskStorageUnit,
  Drive,
  ResourceChange,
  StorageUnit,
  StorageUnitGroup,
  StoredImage,
  TapeStorageUnit,
  Volume,
  VolumePool,
} from '@nb/contracts'
import { z } from 'zod'
import { allocation, blocker, mediaNeed } from './resources.ts'
import {
  closed,
  count,
  flag,
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
  disk: closed<DiskStorageUnit>({ ...anyStorageUnit, type: z.literal('disk'), maxConcurrentJobs: count }),
  tape: closed<TapeStorageUnit>({
    ...anyStorageUnit,
    type: z.literal('tape'),
    density: text,
    robot: maybe(text),
    maxConcurrentDrives: count,
  }),
})

export const storageUnitGroup: Schema<StorageUnitGroup> = closed<StorageUnitGroup>({
  name: text,
  members: list(text),
  selection: oneOf<StorageUnitGroup['selection']>({
    prioritised: true,
    failover: true,
    'round-robin': true,
  }),
})

export const volumePool: Schema<VolumePool> = closed<VolumePool>({ name: text, scratch: flag })

export const volume: Schema<Volume> = closed<Volume>({
  volumeId: text,
  barcode: maybe(text),
  density: text,
  pool: text,
  robot: maybe(text),
  slot: maybe(integer),
  state: oneOf<Volume['state']>({
    active: true,
    full: true,
    frozen: true,
    suspended: true,
    expired: true,
    imported: true,
  }),
  stateReason: maybe(text),
  assignedAt: maybe(time),
  retentionLevel: maybe(integer),
  mounts: count,
  lastMountedAt: maybe(time),
})

export const drive: Schema<Drive> = closed<Drive>({
  name: text,
  mediaServer: text,
  density: text,
  robot: maybe(text),
  state: upOrDown,
  stateReason: maybe(text),
  loadedVolume: maybe(text),
})

export const allocationRequest: Schema<AllocationRequest> = closed<AllocationRequest>({
  allocationId: text,
  jobId: text,
  need: mediaNeed,
  flow: maybe(oneOf<'backup' | 'restore'>({ backup: true, restore: true })),
})

export const allocationResult: Schema<AllocationResult> = variants<AllocationResult, 'granted'>('granted', {
  true: closed<Extract<AllocationResult, { granted: true }>>({ granted: z.literal(true), allocation }),
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
