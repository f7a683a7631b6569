import assert from 'node:assert/strict'
import type { Blocker } from '@nb/contracts'
import { collect } from '../collect.ts'
import { type Check, putDisk, rejects, request, restore, waits, watchCall } from './resource-broker-site.ts'

/** Obligations of `ResourceBroker` for grants and releases. */
export function granting(check: Check): void {
  check(
    'a grant is an allocation on a lease, known on both sides',
    async ({ broker, media, clock, leaseMs }) => {
      await putDisk(media, 'disk1', 1)
      const grant = await broker.acquire(request('1'))
      assert.equal(grant.expiresAt, clock.now() + leaseMs)
      assert.equal(grant.allocation.jobId, '1')
      assert.equal(grant.allocation.storageUnit, 'disk1')
      assert.deepEqual(await collect(broker.grants({})), [grant])
      assert.deepEqual(await collect(broker.grants({ jobId: '2' })), [])
      assert.deepEqual(await collect(media.allocations({})), [grant.allocation])
    },
  )
  check('the same request again has the same grant; for something else it is refused', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 2)
    const [first, meanwhile] = await Promise.all([broker.acquire(request('1')), broker.acquire(request('1'))])
    const later = await broker.acquire(request('1'))
    for (const grant of [meanwhile, later]) {
      assert.equal(grant.leaseId, first.leaseId)
      assert.deepEqual(grant.allocation, first.allocation)
    }
    assert.equal((await collect(media.allocations({}))).length, 1)
    await rejects(broker.acquire(request('1', { jobId: 'other' })), 'request-duplicate')
  })
  check('a release serves who waits, and may be said twice', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    const second = watchCall(broker.acquire(request('2')))
    await waits(broker, '2')
    await broker.release({ leaseId: first.leaseId })
    await broker.release({ leaseId: first.leaseId })
    await broker.release({ leaseId: 'never-was' })
    const grant = await second.result
    assert.notEqual(grant.leaseId, first.leaseId)
    assert.deepEqual(await collect(broker.grants({})), [grant])
  })
  check('a released request asked again is a new lease, which the old one does not end', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    await broker.release({ leaseId: first.leaseId })
    const second = await broker.acquire(request('1'))
    assert.notEqual(second.leaseId, first.leaseId)
    await broker.release({ leaseId: first.leaseId })
    assert.deepEqual(await collect(broker.grants({})), [second])
  })
  check('what can not be waited for is refused with the reasons', async ({ broker, media }) => {
    const missing = await rejects(broker.acquire(request('1')), 'request-impossible')
    const [blocker] = missing.details['blockers'] as unknown as readonly Blocker[]
    assert.equal(blocker?.kind, 'storage-unit-missing')
    await putDisk(media, 'disk1', 1)
    const none = request('1', { limits: { maxJobsPerPolicy: 0 } })
    await rejects(broker.acquire(none), 'request-impossible')
    assert.equal((await broker.explain({ jobId: '1' })).waiting, false)
  })
  check(
    'a request that waits when its storage unit is removed is refused then',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 1)
      await media.setStorageUnitState({ name: 'disk1', state: 'down' })
      const call = watchCall(broker.acquire(request('1')))
      await waits(broker, '1')
      await media.removeStorageUnit({ name: 'disk1' })
      await rejects(call.result, 'request-impossible')
    },
  )
  check('a unit that is brought up serves who waits for it', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await media.setStorageUnitState({ name: 'disk1', state: 'down' })
    const call = watchCall(broker.acquire(request('1')))
    const why = await waits(broker, '1')
    assert.deepEqual(
      why.blockers.map(({ kind, name, reason }) => [kind, name, reason]),
      [['storage-unit-down', 'disk1', 2041]],
    )
    await media.setStorageUnitState({ name: 'disk1', state: 'up' })
    assert.equal((await call.result).allocation.storageUnit, 'disk1')
  })
  check('a wrong field is refused by name', async ({ broker }) => {
    const error = await rejects(broker.acquire(request('1', { priority: 100_000 })), 'argument-invalid')
    assert.equal(error.details['field'], 'priority')
  })
}

/** Obligations of `ResourceBroker` for the limits of jobs. */
export function limiting(check: Check): void {
  check('no more jobs of a policy run than its limit', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 10)
    const limits = { maxJobsPerPolicy: 2 }
    const grants = [
      await broker.acquire(request('1', { limits })),
      await broker.acquire(request('2', { limits })),
    ]
    const third = watchCall(broker.acquire(request('3', { limits })))
    const why = await waits(broker, '3')
    assert.equal(why.blockers.length, 1)
    const [blocker] = why.blockers
    assert.equal(blocker?.kind, 'policy-limit')
    assert.equal(blocker?.name, 'nightly')
    assert.equal(blocker?.limit, 2)
    assert.deepEqual(blocker?.holders.map(({ jobId }) => jobId).sort(), ['1', '2'])
    const other = await broker.acquire(request('4', { limits, policy: 'weekly' }))
    assert.equal(other.allocation.jobId, '4')
    await broker.release({ leaseId: grants[0]?.leaseId ?? '' })
    await third.result
  })
  check(
    'no more jobs of a client run than its own limit, else the limit of any',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 10)
      const any = { client: 'web', limits: { maxJobsPerClient: 1 } }
      const first = await broker.acquire(request('1', any))
      const second = watchCall(broker.acquire(request('2', any)))
      assert.deepEqual(
        (await waits(broker, '2')).blockers.map(({ kind, name }) => [kind, name]),
        [['client-limit', 'web']],
      )
      const own = { client: 'web', limits: { maxJobsPerClient: 1, maxJobsThisClient: 2 } }
      await broker.acquire(request('3', own))
      const fourth = watchCall(broker.acquire(request('4', own)))
      await waits(broker, '4')
      await broker.release({ leaseId: first.leaseId })
      await fourth.result
      assert.equal(second.settled, false, 'one job of the client is still one too many')
      second.ignore()
    },
  )
  check('restores are bound by what there is, not by limits of clients and policies', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 3)
    const limits = { maxJobsPerClient: 1, maxJobsPerPolicy: 1 }
    await broker.acquire(request('1', { client: 'web', limits }))
    for (const jobId of ['2', '3']) await broker.acquire(restore(jobId, { client: 'web', limits }))
    const call = watchCall(broker.acquire(restore('4', { client: 'web', limits })))
    const why = await waits(broker, '4')
    assert.deepEqual(
      why.blockers.map(({ kind }) => kind),
      ['storage-unit-limit'],
    )
    call.ignore()
  })
}
