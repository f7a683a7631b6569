import t from 'tap'
import { driven, openSite, reopen } from '../fixture.ts'

t.test('a restore that was killed shows how far it had come, to two seconds', async (t) => {
  const site = await openSite()
  const { jobId } = await site.manager.register({
    requestId: 'restore-1',
    type: 'restore',
    origin: 'user',
    client: 'web1',
    policy: 'daily',
    lines: [],
  })
  const estimate = { estimatedFiles: 100_000, estimatedBytes: 1_000_000 }
  await site.manager.update({ jobId, progress: { files: 0, bytes: 0, ...estimate } })
  for (let second = 1; second <= 34; second++) {
    const progress = { files: second * 100, bytes: second * 1000 }
    await site.manager.progress({ jobId, sessionId: 'session-1', progress })
    await site.clock.advance(1000)
  }
  t.match(await site.manager.get({ jobId }), { progress: { files: 3400 } })

  const next = await reopen(site)
  t.teardown(() => next.stop())
  const job = await driven(next.clock, next.manager.wait({ jobId }))
  t.match(job, { status: 63, progress: { files: 3300, bytes: 33_000, ...estimate } })
})
