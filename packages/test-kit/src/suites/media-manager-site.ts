import assert from 'node:assert/strict'
import {
  type AllocationResult,
  type DiskStorageUnit,
  type Drive,
  type ErrorCode,
  type MediaManager,
  type MediaNeed,
  NbError,
  type StorageChoice,
  type StorageUnit,
  type TapeStorageUnit,
  type Volume,
} from '@nb/contracts'
import { collect } from '../collect.ts'

/** What the suite of `MediaManager` works on. */
export interface MediaManagerFixture {
  /** Started, with no storage units, volumes or drives, and with the pool `NetBackup`. */
  readonly media: MediaManager
  /** Ends the manager and starts another over the same store. */
  readonly restart: () => Promise<MediaManager>
}

/** One check of the suite. */
export type Check = (name: string, body: (fixture: MediaManagerFixture) => Promise<void>) => void

export const unit = (name: string): StorageChoice => ({ kind: 'unit', name })
export const write = (storage: StorageChoice): MediaNeed => ({
  kind: 'write',
  storage,
  volumePool: 'NetBackup',
  retentionLevel: 1,
})
export const onUnit = (name: string): MediaNeed => write(unit(name))

export function disk(name: string, fields: Partial<DiskStorageUnit> = {}): StorageUnit {
  const maxFragmentBytes = 512 * 1024 ** 3
  const base = { mediaServer: 'media1', state: 'up', maxFragmentBytes, onDemandOnly: false } as const
  return { name, type: 'disk', maxConcurrentJobs: 1, ...base, ...fields }
}

/** Two drives in robot tld0 and three blank volumes in the pool NetBackup. */
export async function site(media: MediaManager, fields: Partial<TapeStorageUnit> = {}): Promise<void> {
  const maxFragmentBytes = 1024 ** 4
  const tape: TapeStorageUnit = {
    name: 'tape1',
    type: 'tape',
    mediaServer: 'media1',
    state: 'up',
    maxFragmentBytes,
    onDemandOnly: true,
    density: 'hcart',
    robot: 'tld0',
    maxConcurrentDrives: 2,
    ...fields,
  }
  await media.putStorageUnit(tape)
  for (const name of ['drive1', 'drive2']) {
    const drive: Drive = { name, mediaServer: 'media1', density: 'hcart', robot: 'tld0', state: 'up' }
    await media.putDrive(drive)
  }
  for (const volumeId of ['A00001', 'A00002', 'A00003']) await media.putVolume(blank(volumeId))
}

export function blank(volumeId: string): Volume {
  const state = 'active' as const
  return { volumeId, density: 'hcart', pool: 'NetBackup', robot: 'tld0', state, mounts: 0 }
}

export async function granted(
  media: MediaManager,
  allocationId: string,
  need: MediaNeed,
  jobId: string = allocationId,
): Promise<Extract<AllocationResult, { granted: true }>> {
  const answer = await media.allocate({ allocationId, jobId, need })
  assert.ok(answer.granted, `not granted: ${JSON.stringify(answer)}`)
  return answer
}

export async function denied(
  media: MediaManager,
  allocationId: string,
  need: MediaNeed,
): Promise<Extract<AllocationResult, { granted: false }>> {
  const answer = await media.allocate({ allocationId, jobId: allocationId, need })
  assert.ok(!answer.granted, `granted: ${JSON.stringify(answer)}`)
  assert.ok(answer.blockers.length > 0, 'a denial names at least one blocker')
  return answer
}

export const kinds = (answer: Extract<AllocationResult, { granted: false }>): readonly [string, number][] =>
  answer.blockers.map(({ kind, reason }) => [kind, reason])

export async function everything(media: MediaManager): Promise<readonly unknown[]> {
  return Promise.all([
    collect(media.storageUnits({})),
    collect(media.mediaServers({})),
    collect(media.robots({})),
    collect(media.mediaErrors({})),
    collect(media.groups({})),
    collect(media.pools({})),
    collect(media.volumes({})),
    collect(media.drives({})),
  ])
}

export async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<NbError> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, `expected ${code}, got ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}
