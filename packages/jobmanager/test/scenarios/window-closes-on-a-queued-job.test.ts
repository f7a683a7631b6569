import t from 'tap'
import { driven, openSite, request, restartSite, untilState } from '../fixture.ts'

const hour = 3_600_000
const oneSlot = [{ name: 'disk1', mediaServer: 'media1', slots: 1 }]

t.test('a job that is queued when its window closes ends with 196, an active one goes on', async (t) => {
  const site = await openSite({ units: oneSlot, script: () => ({ durationMs: 2 * hour }) })
  t.teardown(() => site.stop())
  const windowClosesAt = site.clock.now() + hour
  const active = await site.manager.submit(request({ windowClosesAt }))
  await site.clock.advance(1000)
  const queued = await site.manager.submit(request({ windowClosesAt, retry: { tries: 5, delayMs: 1000 } }))
  const job = await driven(site.clock, site.manager.wait(queued), 2 * hour)
  t.match(job, { status: 196, state: 'done', attempt: 1 })
  t.match(job.statusText, /the start window closed at 2026-01-01T01:00:00\.000Z before the job was active/)
  t.equal(job.endedAt, windowClosesAt)
  t.notOk(job.activeAt)
  t.match(await driven(site.clock, site.manager.wait(active), 3 * hour), { status: 0 })
  t.strictSame(site.world.broker.waiting, [])
})

t.test('the window closes for a job that was queued before a restart', async (t) => {
  let site = await openSite({ units: oneSlot, script: () => ({ durationMs: Infinity }) })
  await site.manager.submit(request())
  await site.clock.advance(1000)
  const queued = await site.manager.submit(request({ windowClosesAt: site.clock.now() + hour }))
  site = await restartSite(site)
  await site.manager.submit(request())
  t.match(await site.manager.get(queued), { state: 'active' }, 'the stop ended the job before it')
  await site.manager.cancel(queued)
  const late = await site.manager.submit(request({ windowClosesAt: site.clock.now() + hour }))
  await site.stop()
  await site.clock.advance(2 * hour)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  t.match(await driven(site.clock, site.manager.wait(late)), { status: 196 })
})

t.test('no retry waits for a closed window', async (t) => {
  const site = await openSite({
    units: oneSlot,
    script: () => ({ status: 84, statusText: 'broken', durationMs: 1000 }),
  })
  t.teardown(() => site.stop())
  const soon = site.clock.now() + 2 * hour
  const { jobId } = await site.manager.submit(
    request({ windowClosesAt: soon, retry: { tries: 9, delayMs: hour } }),
  )
  t.match(await driven(site.clock, site.manager.wait({ jobId }), 9 * hour), { status: 84, attempt: 2 })
})

t.test('a retry that is queued when the window closes ends with 196', async (t) => {
  const site = await openSite({
    units: oneSlot,
    script: (jobId) => (jobId === '1' ? { status: 84, statusText: 'broken' } : { durationMs: Infinity }),
  })
  t.teardown(() => site.stop())
  const windowClosesAt = site.clock.now() + hour
  const { jobId } = await site.manager.submit(
    request({ windowClosesAt, retry: { tries: 9, delayMs: 60_000 } }),
  )
  await untilState(site, jobId, 'waiting-for-retry')
  await site.manager.submit(request())
  const job = await driven(site.clock, site.manager.wait({ jobId }), 9 * hour)
  t.match(job, { status: 196, attempt: 2 })
  t.match(job.statusText, /its last try ended with 84/)
})
