import assert from 'node:assert/strict'
import type { Grant, MediaManager, ResourceRequest } from '@nb/contracts'
import { collect } from '../collect.ts'
import {
  type Check,
  putTape,
  rejects,
  request,
  tapeBackup,
  waits,
  watchCall,
} from './resource-broker-site.ts'

/** The request of a job's session at the end of the volume that it was granted. */
function next(jobId: string, grant: Grant, multiplexing = 1, number = 2): ResourceRequest {
  const need = {
    kind: 'write',
    storage: { kind: 'unit', name: 'tape1' },
    volumePool: 'NetBackup',
    retentionLevel: 1,
    ...(multiplexing === 1 ? {} : { multiplexing }),
    replaces: grant.allocation.allocationId,
  } as const
  return { ...request(jobId, { need }), requestId: `r-${jobId}/${number}` }
}

const volumeOf = ({ allocation: { medium } }: Grant): string =>
  medium.kind === 'tape' ? medium.volumeId : 'none'

const volume = (volumeId: string): Parameters<MediaManager['putVolume']>[0] => ({
  volumeId,
  density: 'hcart',
  robot: 'robot1',
  pool: 'NetBackup',
  state: 'active',
  mounts: 0,
})

/** Obligations of `ResourceBroker` where an image goes on at the end of its volume. */
export function exchanging(check: Check): void {
  check('a job gets its next volume on the lease that it has, and counts as one', async (fixture) => {
    const { media } = fixture
    await putTape(media)
    const limits = { maxJobsPerPolicy: 1, maxJobsPerClient: 1 }
    const first = await fixture.broker.acquire({ ...tapeBackup('1', 1), limits })
    const waiting = watchCall(fixture.broker.acquire({ ...tapeBackup('2', 1), limits, priority: 9 }))
    await waits(fixture.broker, '2')
    const asked = { ...next('1', first), limits }
    const second = await fixture.broker.acquire(asked)
    assert.equal(second.leaseId, first.leaseId)
    assert.notEqual(volumeOf(second), volumeOf(first))
    assert.deepEqual(
      (await fixture.broker.acquire(asked)).allocation,
      second.allocation,
      'the same request again',
    )
    assert.deepEqual(
      (await fixture.broker.acquire({ ...tapeBackup('1', 1), limits })).allocation,
      second.allocation,
    )
    assert.deepEqual(await collect(media.allocations({ jobId: '1' })), [second.allocation])
    assert.equal(waiting.settled, false, 'the drive is not free meanwhile')
    await rejects(fixture.broker.acquire({ ...asked, jobId: '9' }), 'lease-expired')
    waiting.ignore()
    const broker = await fixture.restart()
    assert.deepEqual((await broker.acquire(asked)).allocation, second.allocation, 'after a restart too')
    const report = await broker.reconcile({ repair: false })
    assert.deepEqual([report.orphanedAllocations, report.orphanedLeases], [[], []])
    await broker.release({ leaseId: first.leaseId })
    assert.deepEqual(await collect(media.allocations({})), [])
    await rejects(broker.acquire(asked), 'lease-expired')
  })
  check(
    'without another volume a job waits, keeps what it has, and goes on when one comes',
    async ({ broker, media }) => {
      await putTape(media)
      await media.putVolume({ ...volume('A00002'), state: 'expired' })
      const first = await broker.acquire(tapeBackup('1', 1))
      const call = watchCall(broker.acquire(next('1', first)))
      const why = await waits(broker, '1')
      assert.deepEqual(
        why.blockers.map(({ kind, reason }) => [kind, reason]),
        [['volume', 2000]],
      )
      assert.equal((await broker.renew({ leaseId: first.leaseId })).expiresAt > 0, true)
      await media.putVolume(volume('A00003'))
      assert.equal(volumeOf(await call.result), 'A00003')
    },
  )
  check(
    'who waits for the next volume is told when the lease is over',
    async ({ broker, media, clock, leaseMs }) => {
      await putTape(media)
      await media.putVolume({ ...volume('A00002'), state: 'expired' })
      const first = await broker.acquire(tapeBackup('1', 1))
      const call = watchCall(broker.acquire(next('1', first)))
      await waits(broker, '1')
      await clock.advance(leaseMs)
      await rejects(call.result, 'lease-expired')
      assert.deepEqual(await collect(media.allocations({})), [])
    },
  )
  check('four jobs on one drive all go on to the same next volume', async ({ broker, media }) => {
    await putTape(media)
    const first: Grant[] = []
    for (const id of ['1', '2', '3', '4']) first.push(await broker.acquire(tapeBackup(id, 4)))
    const second = await Promise.all(
      first.map((grant, index) => broker.acquire(next(`${index + 1}`, grant, 4))),
    )
    assert.deepEqual([...new Set(first.map(volumeOf)), ...new Set(second.map(volumeOf))].sort(), [
      'A00001',
      'A00002',
    ])
    const fifth = watchCall(broker.acquire({ ...restoreOf(volumeOf(first[0] as Grant)) }))
    await waits(broker, 'r')
    for (const { leaseId } of second) await broker.release({ leaseId })
    assert.equal(volumeOf(await fifth.result), volumeOf(first[0] as Grant))
  })
}

function restoreOf(volumeId: string): ResourceRequest {
  return request('r', { jobType: 'restore', need: { kind: 'read', storageUnit: 'tape1', volumeId } })
}
