import type { Allocation, DiskStorageUnit, Drive, MediaNeed, TapeStorageUnit, Volume } from '@nb/contracts'
import { type Change, Inventory } from '../src/inventory.ts'
import type { Rules } from '../src/rules.ts'

export const rules: Rules = {
  now: 10_000,
  allowMultipleRetentions: false,
  loadMaxAgeMs: 300_000,
  spaceMaxAgeMs: 900_000,
}

export const disk = (name: string, fields: Partial<DiskStorageUnit> = {}): DiskStorageUnit => ({
  name,
  type: 'disk',
  mediaServer: 'media1',
  state: 'up',
  maxFragmentBytes: 1024 ** 3,
  onDemandOnly: false,
  maxConcurrentJobs: 1,
  ...fields,
})

export const tape = (name: string, fields: Partial<TapeStorageUnit> = {}): TapeStorageUnit => ({
  name,
  type: 'tape',
  mediaServer: 'media1',
  state: 'up',
  maxFragmentBytes: 1024 ** 3,
  onDemandOnly: false,
  density: 'hcart',
  robot: 'tld0',
  maxConcurrentDrives: 2,
  ...fields,
})

export const drive = (name: string, fields: Partial<Drive> = {}): Drive => ({
  name,
  mediaServer: 'media1',
  density: 'hcart',
  robot: 'tld0',
  state: 'up',
  ...fields,
})

export const volume = (volumeId: string, fields: Partial<Volume> = {}): Volume => ({
  volumeId,
  density: 'hcart',
  pool: 'NetBackup',
  robot: 'tld0',
  state: 'active',
  mounts: 0,
  ...fields,
})

/** A volume with images of a retention level on it. */
export const assigned = (volumeId: string, retentionLevel: number, fields: Partial<Volume> = {}): Volume =>
  volume(volumeId, { assignedAt: 1000, retentionLevel, ...fields })

export const writeTo = (name: string, volumePool = 'NetBackup', retentionLevel = 1) => ({
  kind: 'write' as const,
  storage: { kind: 'unit' as const, name },
  volumePool,
  retentionLevel,
})

/** A tape site: unit tape1, the drives and volumes given, the pools NetBackup and Scratch (scratch). */
export function tapeSite(
  drives: readonly Drive[],
  volumes: readonly Volume[],
  unit: Partial<TapeStorageUnit> = {},
): Inventory {
  return inventory([
    { table: 'units', key: 'tape1', value: tape('tape1', unit) },
    { table: 'pools', key: 'NetBackup', value: { name: 'NetBackup', scratch: false } },
    { table: 'pools', key: 'Scratch', value: { name: 'Scratch', scratch: true } },
    ...volumes.map((value): Change => ({ table: 'volumes', key: value.volumeId, value })),
    ...drives.map((value): Change => ({ table: 'drives', key: value.name, value })),
  ])
}

export function inventory(changes: readonly Change[]): Inventory {
  const made = new Inventory()
  for (const change of changes) made.apply(change)
  return made
}

/** Gives a drive and a volume of tape1 to a job. */
export function hold(
  site: Inventory,
  jobId: string,
  driveName: string,
  volumeId: string,
  need: MediaNeed = writeTo('tape1'),
): void {
  const allocation: Allocation = {
    allocationId: `a${jobId}`,
    jobId,
    storageUnit: 'tape1',
    mediaServer: 'media1',
    purpose: need.kind,
    medium: { kind: 'tape', maxFragmentBytes: 1, drive: driveName, volumeId, volumePool: 'NetBackup' },
    since: 5000,
  }
  site.apply({ table: 'allocations', key: `a${jobId}`, value: { allocation, need } })
}
