import assert from 'node:assert/strict'
import {
  asNbError,
  type ErrorCode,
  type MediaManager,
  NbError,
  type ResourceBroker,
  type ResourceRequest,
} from '@nb/contracts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the suite of `ResourceBroker` works on. */
export interface ResourceBrokerFixture {
  /** Started, over an empty store. */
  readonly broker: ResourceBroker
  /** The media manager under it, with nothing configured. */
  readonly media: MediaManager
  /** The clock of both. */
  readonly clock: VirtualClock
  /** How long the broker's leases last, milliseconds. */
  readonly leaseMs: number
  /** Ends the broker as a crash does (no release, no farewell) and starts another over the same store. */
  readonly restart: () => Promise<ResourceBroker>
}

/** Declares a test of the suite. */
export type Check = (name: string, body: (fixture: ResourceBrokerFixture) => Promise<void>) => void

/** A backup of a client of its own, to a storage unit. */
export function request(
  jobId: string,
  fields: Partial<ResourceRequest> = {},
  storageUnit = 'disk1',
): ResourceRequest {
  return {
    requestId: `r-${jobId}`,
    jobId,
    jobType: 'backup',
    priority: 0,
    policy: 'nightly',
    client: `client-${jobId}`,
    limits: {},
    need: {
      kind: 'write',
      storage: { kind: 'unit', name: storageUnit },
      volumePool: 'NetBackup',
      retentionLevel: 1,
    },
    ...fields,
  }
}

/** A backup to tape that may share its drive with so many, itself included. */
export function tapeBackup(jobId: string, multiplexing: number): ResourceRequest {
  const storage = { kind: 'unit', name: 'tape1' } as const
  return request(jobId, {
    need: { kind: 'write', storage, volumePool: 'NetBackup', retentionLevel: 1, multiplexing },
  })
}

/** A tape storage unit with one drive for up to four jobs, and two volumes. */
export async function putTape(media: MediaManager): Promise<void> {
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1' }
  await media.putStorageUnit({
    ...place,
    name: 'tape1',
    type: 'tape',
    state: 'up',
    maxFragmentBytes: 1024 ** 4,
    onDemandOnly: false,
    maxConcurrentDrives: 1,
    maxStreamsPerDrive: 4,
  })
  await media.putDrive({ ...place, name: 'd1', state: 'up' })
  for (const volumeId of ['A00001', 'A00002'])
    await media.putVolume({
      volumeId,
      density: 'hcart',
      robot: 'robot1',
      pool: 'NetBackup',
      state: 'active',
      mounts: 0,
    })
}

/** A restore from a storage unit. */
export function restore(jobId: string, fields: Partial<ResourceRequest>): ResourceRequest {
  return request(jobId, { jobType: 'restore', need: { kind: 'read', storageUnit: 'disk1' }, ...fields })
}

/** A disk storage unit for so many jobs at once. */
export async function putDisk(media: MediaManager, name: string, maxConcurrentJobs: number): Promise<void> {
  await media.putStorageUnit({
    name,
    type: 'disk',
    mediaServer: 'media1',
    state: 'up',
    maxFragmentBytes: 1024 ** 3,
    onDemandOnly: false,
    maxConcurrentJobs,
  })
}

/** A call that may stay open: its result, whether it has one, and a way to say that the rest does not matter. */
export function watchCall<Result>(result: Promise<Result>): {
  readonly result: Promise<Result>
  readonly settled: boolean
  readonly ignore: () => void
} {
  let settled = false
  const note = (): void => void (settled = true)
  result.then(note, note)
  return {
    result,
    get settled() {
      return settled
    },
    ignore: () => void result.catch(() => undefined),
  }
}

/** The explanation of a job, once it waits. */
export async function waits(
  broker: ResourceBroker,
  jobId: string,
): Promise<Awaited<ReturnType<ResourceBroker['explain']>>> {
  let why = await broker.explain({ jobId })
  // A call over a wire may arrive after the one that asks about it.
  for (let tries = 0; tries < 100 && !why.waiting; tries++) why = await broker.explain({ jobId })
  assert.ok(why.waiting, `job ${jobId} does not wait: ${why.sentence}`)
  assert.ok(why.blockers.length > 0, 'a waiting job has a blocker')
  return why
}

/** Asks until it is so. */
export async function until(broker: ResourceBroker, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isSo()) return
    await broker.explain({ jobId: 'nobody' })
  }
  assert.fail('what was waited for did not come')
}

/** A call must end with `request-cancelled`. */
export async function isCancelled(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => asNbError(error).code === 'request-cancelled')
}

/** The error that a call must be refused with. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<NbError> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, `expected ${code}, got ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}
