import assert from 'node:assert/strict'
import type { Grant } from '@nb/contracts'
import { collect } from '../collect.ts'
import { type Check, putDisk, request, waits, watchCall } from './resource-broker-site.ts'

/** The obligations of `explain`. */
export function explaining(check: Check): void {
  check('a waiting job has every reason, with who, since when and what would free it', async (fixture) => {
    const { broker, media, clock } = fixture
    await putDisk(media, 'disk1', 2)
    const limits = { maxJobsPerPolicy: 2 }
    const held: Grant[] = []
    for (const jobId of ['17', '18']) {
      held.push(await broker.acquire(request(jobId, { limits })))
      await clock.advance(60_000)
    }
    const since = clock.now()
    const call = watchCall(broker.acquire(request('19', { limits })))
    const why = await waits(broker, '19')
    assert.equal(why.since, since)
    assert.deepEqual(
      why.blockers.map(({ kind, name, limit, inUse }) => [kind, name, limit, inUse]),
      [
        ['policy-limit', 'nightly', 2, 2],
        ['storage-unit-limit', 'disk1', 2, 2],
      ],
    )
    for (const { holders, goesOnWhen } of why.blockers) {
      assert.deepEqual(
        holders,
        held.map(({ allocation: { jobId, since: heldSince } }) => ({ jobId, since: heldSince })),
      )
      assert.equal(goesOnWhen, 'one of them ends')
    }
    for (const part of ['job 19', 'disk1', 'nightly', 'job 17', 'job 18', new Date(since).toISOString()])
      assert.ok(why.sentence.includes(part), `"${why.sentence}" names ${part}`)
    assert.ok(why.sentence.includes('job 19 goes on when one of them ends'), why.sentence)
    const [queued] = await collect(broker.queue({}))
    assert.deepEqual(queued?.blockers, why.blockers)
    call.ignore()
  })
  check('a job that does not wait says so', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const idle = await broker.explain({ jobId: '1' })
    assert.deepEqual([idle.waiting, idle.blockers], [false, []])
    await broker.acquire(request('1'))
    const running = await broker.explain({ jobId: '1' })
    assert.equal(running.waiting, false)
    assert.ok(running.sentence.includes('disk1'), running.sentence)
  })
}
