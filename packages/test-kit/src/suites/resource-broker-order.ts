import assert from 'node:assert/strict'
import { collect } from '../collect.ts'
import {
  type Check,
  putDisk,
  putTape,
  rejects,
  request,
  tapeBackup,
  waits,
  watchCall,
} from './resource-broker-site.ts'

/** Obligations of `ResourceBroker` for the order in which requests are served. */
export function ordering(check: Check): void {
  check('higher priority goes first, then age', async ({ broker, media, clock }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const served: string[] = []
    const asked: readonly [string, number][] = [
      ['old', 0],
      ['urgent', 90_000],
      ['young', 0],
      ['urgent-too', 90_000],
    ]
    const calls: Promise<void>[] = []
    for (const [jobId, priority] of asked) {
      const serve = async (): Promise<void> => {
        const { leaseId } = await broker.acquire(request(jobId, { priority }))
        served.push(jobId)
        await broker.release({ leaseId })
      }
      calls.push(serve())
      await waits(broker, jobId)
      await clock.advance(1000)
    }
    const queued = (await collect(broker.queue({}))).map((entry) => entry.request.jobId)
    const order = ['urgent', 'urgent-too', 'old', 'young']
    assert.deepEqual(queued, order)
    assert.deepEqual(
      (await collect(broker.queue({ limit: 2 }))).map((entry) => entry.request.jobId),
      order.slice(0, 2),
    )
    await broker.release({ leaseId: first.leaseId })
    await Promise.all(calls)
    assert.deepEqual(served, order)
  })
  check('a request keeps the age it brings along', async ({ broker, media, clock }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const young = watchCall(broker.acquire(request('young')))
    await waits(broker, 'young')
    const queuedAt = clock.now() - 60_000
    const old = watchCall(broker.acquire(request('old', { queuedAt })))
    assert.equal((await waits(broker, 'old')).since, queuedAt)
    await broker.release({ leaseId: first.leaseId })
    await old.result
    assert.equal(young.settled, false)
    young.ignore()
  })
  check('lower priority goes first only where the higher could not go', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await putDisk(media, 'disk2', 1)
    await broker.acquire(request('1'))
    const urgent = watchCall(broker.acquire(request('2', { priority: 5 })))
    await waits(broker, '2')
    await broker.acquire(request('3', {}, 'disk2'))
    assert.equal(urgent.settled, false)
    urgent.ignore()
  })
}

/** Obligations of `ResourceBroker` for priorities that change. */
export function prioritising(check: Check): void {
  check('another priority while it waits is another place at once', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const calls = ['old', 'young'].map((jobId) => watchCall(broker.acquire(request(jobId))))
    for (const jobId of ['old', 'young']) await waits(broker, jobId)
    await broker.setPriority({ jobId: 'young', priority: 7 })
    assert.deepEqual(
      (await collect(broker.queue({}))).map((entry) => [entry.request.jobId, entry.request.priority]),
      [
        ['young', 7],
        ['old', 0],
      ],
    )
    await broker.release({ leaseId: first.leaseId })
    assert.equal((await calls[1]?.result)?.allocation.jobId, 'young')
    assert.equal(calls[0]?.settled, false)
    calls[0]?.ignore()
  })
  check(
    'a priority for a job that does not wait changes nothing; a wrong one is refused',
    async (fixture) => {
      const { broker, media } = fixture
      await putDisk(media, 'disk1', 1)
      const grant = await broker.acquire(request('1'))
      await broker.setPriority({ jobId: '1', priority: 7 })
      await broker.setPriority({ jobId: 'nobody', priority: 7 })
      assert.deepEqual(await collect(broker.grants({})), [grant])
      for (const priority of [-1, 100_000])
        await rejects(broker.setPriority({ jobId: '1', priority }), 'argument-invalid')
    },
  )
}

/** Obligations of `ResourceBroker` for jobs that share a drive. */
export function sharing(check: Check): void {
  check('jobs that may share a drive do, and who was passed by is told how often', async (fixture) => {
    const { broker, media } = fixture
    await putTape(media)
    const first = await broker.acquire(tapeBackup('1', 2))
    const alone = watchCall(broker.acquire(tapeBackup('2', 1)))
    const why = await waits(broker, '2')
    assert.ok(
      why.blockers.every(({ holders }) => holders[0]?.jobId === '1'),
      why.sentence,
    )
    const joined = await broker.acquire(tapeBackup('3', 2))
    assert.deepEqual(
      [first, joined].map(({ allocation: { medium } }) => medium.kind === 'tape' && medium.drive),
      ['d1', 'd1'],
    )
    const [queued] = await collect(broker.queue({}))
    assert.deepEqual([queued?.request.jobId, queued?.passedBy], ['2', 1])
    const third = watchCall(broker.acquire(tapeBackup('4', 2)))
    await waits(broker, '4')
    await broker.release({ leaseId: first.leaseId })
    assert.equal((await third.result).allocation.jobId, '4', 'a place in the group is free')
    for (const { leaseId } of [joined, await third.result]) await broker.release({ leaseId })
    assert.equal((await alone.result).allocation.jobId, '2')
  })
}
