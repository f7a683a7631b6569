import assert from 'node:assert/strict'
import { collect } from '../collect.ts'
import {
  type Check,
  isCancelled,
  putDisk,
  rejects,
  request,
  until,
  waits,
  watchCall,
} from './resource-broker-site.ts'

/** Obligations of `ResourceBroker` for requests that are given up. */
export function leaving(check: Check, undoesAtOnce: boolean): void {
  check('an aborted request leaves the queue', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    const leavingNow = new AbortController()
    const call = watchCall(broker.acquire(request('2'), { signal: leavingNow.signal }))
    await waits(broker, '2')
    leavingNow.abort()
    await isCancelled(call.result)
    await until(broker, async () => (await collect(broker.queue({}))).length === 0)
    assert.equal((await broker.explain({ jobId: '2' })).waiting, false)
    await broker.release({ leaseId: first.leaseId })
    await broker.acquire(request('3'))
  })
  const orLater = undoesAtOnce ? '' : ', or nothing beyond its lease'
  check(`a request aborted at any moment holds nothing${orLater}`, async (fixture) => {
    const { broker, media, clock, leaseMs } = fixture
    await putDisk(media, 'disk1', 1)
    for (let turns = 0; turns < 24; turns++) {
      const ending = new AbortController()
      const call = broker.acquire(request(`${turns}`), { signal: ending.signal })
      const result = call.then(
        (grant) => grant,
        () => undefined,
      )
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      ending.abort()
      const grant = await result
      if (grant !== undefined) await broker.release({ leaseId: grant.leaseId })
      if (!undoesAtOnce) await clock.advance(leaseMs)
      await until(broker, async () => (await collect(broker.grants({}))).length === 0)
      assert.deepEqual(await collect(media.allocations({})), [])
    }
  })
  check('a request that was aborted before the call is not queued', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await isCancelled(broker.acquire(request('1'), { signal: AbortSignal.abort() }))
    assert.deepEqual(await collect(broker.grants({})), [])
  })
}

/** Obligations of `ResourceBroker` for leases. */
export function leasing(check: Check): void {
  check('a lease that is not renewed is taken back', async ({ broker, media, clock, leaseMs }) => {
    await putDisk(media, 'disk1', 1)
    const silent = await broker.acquire(request('1'))
    const next = watchCall(broker.acquire(request('2')))
    await waits(broker, '2')
    await clock.advance(leaseMs - 1)
    assert.equal(next.settled, false)
    await clock.advance(1)
    const grant = await next.result
    assert.equal(grant.allocation.jobId, '2')
    await rejects(broker.renew({ leaseId: silent.leaseId }), 'lease-expired')
    assert.equal((await collect(media.allocations({}))).length, 1)
  })
  check('a lease that is renewed goes on', async ({ broker, media, clock, leaseMs }) => {
    await putDisk(media, 'disk1', 1)
    const { leaseId } = await broker.acquire(request('1'))
    for (let term = 0; term < 3; term++) {
      await clock.advance(leaseMs - 1)
      assert.deepEqual(await broker.renew({ leaseId }), { expiresAt: clock.now() + leaseMs })
    }
    assert.equal((await collect(broker.grants({}))).length, 1)
    await clock.advance(leaseMs)
    await until(broker, async () => (await collect(broker.grants({}))).length === 0)
  })
  check('leases survive a restart; whoever asks again has the same', async (fixture) => {
    const { broker, media, clock, leaseMs } = fixture
    await putDisk(media, 'disk1', 2)
    const limits = { maxJobsPerPolicy: 1 }
    const first = await broker.acquire(request('1', { limits }))
    const again = await fixture.restart()
    const kept = await again.acquire(request('1', { limits }))
    assert.equal(kept.leaseId, first.leaseId)
    assert.deepEqual(kept.allocation, first.allocation)
    const second = watchCall(again.acquire(request('2', { limits })))
    assert.equal((await waits(again, '2')).blockers[0]?.kind, 'policy-limit')
    await clock.advance(leaseMs)
    assert.equal((await second.result).allocation.jobId, '2')
  })
}

/** Obligations of `ResourceBroker` for what it and the media manager hold of each other. */
export function reconciling(check: Check): void {
  check(
    'reconcile finds what only one side knows, and repairs it when told to',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 2)
      const grant = await broker.acquire(request('1'))
      await media.allocate({ allocationId: 'stray', jobId: '7', need: request('7').need })
      await media.release({ allocationId: grant.allocation.allocationId })
      const found = await broker.reconcile({ repair: false })
      assert.deepEqual(
        found.orphanedAllocations.map(({ allocationId }) => allocationId),
        ['stray'],
      )
      assert.deepEqual(
        found.orphanedLeases.map(({ leaseId }) => leaseId),
        [grant.leaseId],
      )
      assert.equal(found.repaired, false)
      assert.equal((await collect(media.allocations({}))).length, 1)
      assert.equal((await broker.reconcile({ repair: true })).repaired, true)
      const after = await broker.reconcile({ repair: false })
      assert.deepEqual([after.orphanedAllocations, after.orphanedLeases], [[], []])
      assert.deepEqual(await collect(broker.grants({})), [])
      assert.deepEqual(await collect(media.allocations({})), [])
    },
  )
  check('after a restart broker and media manager agree', async ({ broker, media, restart }) => {
    await putDisk(media, 'disk1', 3)
    const kept = await broker.acquire(request('1'))
    const lost = await broker.acquire(request('2'))
    await media.allocate({ allocationId: 'stray', jobId: '7', need: request('7').need })
    await media.release({ allocationId: lost.allocation.allocationId })
    const again = await restart()
    assert.deepEqual(
      (await collect(again.grants({}))).map(({ leaseId }) => leaseId),
      [kept.leaseId],
    )
    assert.deepEqual(await collect(media.allocations({})), [kept.allocation])
  })
}
