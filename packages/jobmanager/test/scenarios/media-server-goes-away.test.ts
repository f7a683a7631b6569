import t from 'tap'
import type { FakeMediaServer } from '@nb/test-kit'
import { driven, logOf, openSite, request, runJob, type Site } from '../fixture.ts'

const minuteMs = 60_000

function server(site: Site, name = 'media1'): FakeMediaServer {
  const found = site.world.mediaServers.get(name)
  if (found === undefined) throw new Error(`no media server ${name}`)
  return found
}

/** Submits a job whose session lasts, and lets it get there. */
async function startLongJob(site: Site): Promise<string> {
  const { jobId } = await site.manager.submit(request())
  await site.clock.advanceUntil(() => server(site).live.length > 0)
  await site.clock.advance(1000)
  return jobId
}

t.test('a lease is renewed for as long as the session lasts', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 30 * minuteMs }), leaseMs: minuteMs })
  t.teardown(() => site.stop())
  t.match(await runJob(site), { status: 0 })
})

t.test('a lost lease ends the session and the job with 914', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 30 * minuteMs }) })
  t.teardown(() => site.stop())
  const jobId = await startLongJob(site)
  site.world.broker.expire(site.world.broker.inForce[0]?.leaseId ?? '')
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 914 })
  t.strictSame(server(site).live, [])
  t.strictSame(site.world.catalog.images, [])
})

t.test('a media server that dies with its session: the job ends with 63', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 30 * minuteMs }) })
  t.teardown(() => site.stop())
  const jobId = await startLongJob(site)
  server(site).crash()
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 63 })
  t.strictSame([...(server(site).stored.get('disk1') ?? [])], [], 'its fragments are removed')
  t.strictSame(site.world.broker.inForce, [])
})

t.test('a short silence is waited out', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 20 * minuteMs }) })
  t.teardown(() => site.stop())
  const jobId = await startLongJob(site)
  server(site).unreachable = true
  await site.clock.advance(5 * minuteMs)
  const silent = /does not wait: it is active.* on media server media1, which does not answer since \d+ s\.$/
  t.match(await site.manager.explain({ jobId }), { waiting: false, sentence: silent })
  server(site).unreachable = false
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
  const told = (await logOf(site, jobId)).filter(({ text }) => text.startsWith('media server media1'))
  t.match(
    told.map(({ text }) => text),
    [
      /^media server media1 does not answer; it is waited for, at most \d+ s$/,
      /^media server media1 answers again after (29\d|300) s$/,
    ],
    'each is told once',
  )
})

t.test('a long silence ends the job with 811; its fragments go when the media server is back', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  t.teardown(() => site.stop())
  const jobId = await startLongJob(site)
  server(site).unreachable = true
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 811 })
  t.strictSame(site.world.broker.inForce, [])
  t.match(site.world.catalog.images, [{ state: 'discarded' }], 'nothing to browse')
  t.ok((await logOf(site, jobId)).some(({ text }) => text.includes('waits for the removal')))
  server(site).unreachable = false
  server(site).crash()
  t.match(await driven(site.clock, site.manager.cleanImages()), { removed: [job.backupId], failed: [] })
  t.strictSame(site.world.catalog.images, [])
  t.strictSame([...(server(site).stored.get('disk1') ?? [])], [])
})

t.test('a report that got lost is asked for', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: minuteMs }) })
  t.teardown(() => site.stop())
  const jobId = await startLongJob(site)
  site.world.connect(undefined)
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
})

t.test('a media server that nobody registered: 2101', async (t) => {
  const site = await openSite({ units: [{ name: 'disk1', mediaServer: 'media1', slots: 1 }] })
  t.teardown(() => site.stop())
  ;(site.world.mediaServers as Map<string, FakeMediaServer>).delete('media1')
  t.match(await runJob(site), { status: 2101, statusText: 'media server media1 is not registered' })
  t.strictSame(site.world.broker.inForce, [])
})

t.test('a request that can never be granted: the broker’s status', async (t) => {
  const site = await openSite({ units: [] })
  t.teardown(() => site.stop())
  t.match(await runJob(site), { status: 800 })
})
