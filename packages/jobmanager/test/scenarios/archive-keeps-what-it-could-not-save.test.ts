import type { BackupJobRequest, Schedule } from '@nb/contracts'
import t from 'tap'
import { driven, full, openSite, request, restartSite, textsOf } from '../fixture.ts'

const schedule: Schedule = { ...full, name: 'archive', type: 'user-archive' }
const archive = (changes: Partial<BackupJobRequest> = {}): BackupJobRequest =>
  request({ type: 'archive', schedule, origin: 'user', ...changes })

t.test('an archive removes from the client what it has saved, after that is browsable', async (t) => {
  const site = await openSite({ script: () => ({ removal: { durationMs: 60_000 } }) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(archive())
  await site.clock.advance(5000)
  t.match(await site.manager.get({ jobId }), { state: 'active', operation: 'ending' })
  t.equal(site.world.catalog.images[0]?.state, 'complete')
  t.equal(site.world.broker.inForce.length, 1, 'the resources go last')
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, state: 'done', scheduleType: 'user-archive', type: 'archive' })
  t.match(await textsOf(site, jobId), /removed 3 from the client, kept 0/)
  t.strictSame(site.world.broker.inForce, [])
})

t.test('what was kept is told with 3, a removal that failed with 4, and the image stays', async (t) => {
  const removals: Record<string, object> = {
    '1': { status: 3, kept: 2, removed: 1 },
    '2': { status: 58 },
  }
  const site = await openSite({ script: (jobId) => ({ removal: removals[jobId] ?? {} }) })
  t.teardown(() => site.stop())
  for (const [id, status] of [
    ['1', 3],
    ['2', 4],
  ] as const) {
    const { jobId } = await site.manager.submit(archive())
    t.equal(jobId, id)
    t.match(await driven(site.clock, site.manager.wait({ jobId })), { status })
  }
  t.match(await site.manager.get({ jobId: '1' }), { statusText: /removed 1 from the client, kept 2/ })
  t.strictSame(
    site.world.catalog.images.map(({ state }) => state),
    ['complete', 'complete'],
  )
})

t.test('nothing is removed while one of the copies that were asked for is missing', async (t) => {
  const copies = [
    { storage: { kind: 'unit', name: 'disk1' } },
    { storage: { kind: 'unit', name: 'disk1' }, onFailure: 'continue' },
  ] as const
  const missing: Record<string, number[]> = { '1': [2], '2': [1] }
  const site = await openSite({
    script: (jobId) => {
      const missingCopies = missing[jobId] ?? []
      return missingCopies.length === 0 ? {} : { missingCopies, status: 1, statusText: 'disk2 is full' }
    },
  })
  t.teardown(() => site.stop())
  const run = async () => {
    const { jobId } = await site.manager.submit(archive({ schedule: { ...schedule, copies } }))
    return driven(site.clock, site.manager.wait({ jobId }))
  }
  for (const copy of [2, 1]) {
    const job = await run()
    const why = `nothing was removed from the client, because copy ${copy} is not made: disk2 is full`
    t.match(job, { status: 3, statusText: why, warnings: 1 })
    t.match(await textsOf(site, job.id), new RegExp(why))
    t.notMatch(await textsOf(site, job.id), /removed \d+ from the client/)
    t.match(site.world.catalog.images.at(-1), { state: 'complete', copies: [{ copy: 3 - copy }] })
  }
  const whole = await run()
  t.match(whole, { status: 0 })
  t.match(await textsOf(site, whole.id), /removed 3 from the client/)
  t.strictSame(site.world.broker.inForce, [])
})

t.test('the removal is asked again after a restart, and is one', async (t) => {
  let site = await openSite({ script: () => ({ removal: { durationMs: 600_000 } }) })
  const { jobId } = await site.manager.submit(archive())
  await site.clock.advance(5000)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  const live = site.world.mediaServers.get('media1')?.live ?? []
  t.ok(live.length <= 1)
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
  t.equal(site.world.catalog.images[0]?.state, 'complete')
})

t.test('a cancel ends the removal, not what is saved', async (t) => {
  const site = await openSite({ script: () => ({ removal: { durationMs: 600_000 } }) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(archive())
  await site.clock.advance(5000)
  await site.manager.cancel({ jobId, reason: 'leave them' })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 4, statusText: 'leave them' })
  t.equal(site.world.catalog.images[0]?.state, 'complete')
})

t.test('nothing is removed when nothing was saved', async (t) => {
  const site = await openSite({ script: () => ({ status: 84, statusText: 'broken', checkpoints: 0 }) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(archive())
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 84 })
  t.notMatch(await textsOf(site, jobId), /removing from the client/)
})
