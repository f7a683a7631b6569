import { type JobFilter, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { daily, differential, driven, openSite, request, runJob, textsOf } from '../fixture.ts'

const day = 86_400_000

t.test('jobs are found by what is asked of them', async (t) => {
  const site = await openSite({
    script: (jobId) => (jobId === '2' ? { status: 84, statusText: 'broken' } : {}),
  })
  t.teardown(() => site.stop())
  const listed = async (filter: JobFilter): Promise<string> =>
    (await collect(site.manager.list(filter))).map(({ id }) => id).join()
  const begun = site.clock.now()
  await runJob(site)
  await runJob(site, { origin: 'user' })
  await site.clock.advance(day)
  await runJob(site, { schedule: differential })
  await runJob(site, { streams: [{ name: 'a', selections: [toPath('/a')] }], streamSet: ['a'] })
  t.equal(await listed({}), '5,4,3,2,1')
  t.equal(await listed({ failed: true }), '2')
  t.equal(await listed({ failed: false }), '5,4,3,1')
  t.equal(await listed({ statuses: [84, 150] }), '2')
  t.equal(await listed({ origins: ['user'] }), '2')
  t.equal(await listed({ schedule: 'incr' }), '3')
  t.equal(await listed({ parentId: '4' }), '5')
  t.equal(await listed({ parentId: '4', failed: true }), '')
  t.equal(await listed({ parentId: '77' }), '')
  t.equal(await listed({ until: begun + day }), '2,1')
  t.equal(await listed({ since: begun + day, limit: 2 }), '5,4')
  t.equal(await listed({ states: ['queued', 'active', 'suspended'] }), '')
  t.equal(await listed({ states: ['done'], limit: 0 }), '')
})

t.test('what is watched for is told, and nothing else', async (t) => {
  const site = await openSite({
    script: (jobId) => (jobId === '2' ? { status: 84, statusText: 'broken' } : {}),
  })
  t.teardown(() => site.stop())
  const told: string[] = []
  const reading = (async () => {
    for await (const event of site.manager.watch({ failed: true })) {
      if (event.kind === 'job') told.push(event.job.id)
      return
    }
  })()
  await runJob(site)
  await runJob(site)
  await driven(site.clock, reading)
  t.strictSame(told, ['2'])
})

t.test('old jobs are purged, parents with the last of their parts', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const streams = ['a', 'b'].map((name) => ({ name, selections: [toPath(`/${name}`)] }))
  const asked = request({ streams, streamSet: ['a', 'b'] })
  const { jobId } = await site.manager.submit(asked)
  await driven(site.clock, site.manager.wait({ jobId }))
  await runJob(site)
  await site.clock.advance(day)
  const young = await runJob(site)
  const endedBefore = site.clock.now() - day / 2
  t.strictSame(await site.manager.purge({ endedBefore }), { purged: 4 })
  t.strictSame(await site.manager.purge({ endedBefore }), { purged: 0 })
  t.strictSame(
    (await collect(site.manager.list({}))).map(({ id }) => id),
    [young.id],
  )
  for (const id of ['1', '2', '3', '4']) t.equal(await site.manager.get({ jobId: id }), undefined)
  const keys = await site.database.keys().all()
  t.ok(keys.length > 0)
  t.notOk(
    keys.some((key) => /0000000000000[1234]\b/.test(String(key).slice(0, -10))),
    'nothing of them stays',
  )
  const again = await site.manager.submit(asked)
  t.not(again.jobId, jobId, 'its request is a new one')
})

t.test('the priority of a queued job gives it its new place', async (t) => {
  const site = await openSite({
    units: [{ name: 'disk1', mediaServer: 'media1', slots: 1 }],
    script: (jobId) => ({ durationMs: jobId === '1' ? 60_000 : 1000 }),
  })
  t.teardown(() => site.stop())
  await site.manager.submit(request())
  await site.clock.advance(1000)
  const second = await site.manager.submit(request())
  const third = await site.manager.submit(request({ policy: { ...daily, priority: 3 } }))
  await site.clock.advance(1000)
  await site.manager.setPriority({ ...second, priority: 99_999 })
  t.match(site.world.broker.waiting, [{ jobId: second.jobId, priority: 99_999 }, { jobId: third.jobId }])
  const [job, other] = await driven(
    site.clock,
    Promise.all([site.manager.wait(second), site.manager.wait(third)]),
  )
  t.ok((job.endedAt ?? 0) < (other.endedAt ?? 0))
  t.equal(job.priority, 99_999)
  t.match(await textsOf(site, second.jobId), /the priority is 99999, it was 0/)
  await t.rejects(site.manager.setPriority({ ...second, priority: 1 }), {
    code: 'state-conflict',
    message: /is done/,
  })
  await t.rejects(site.manager.setPriority({ ...second, priority: 1.5 }), { code: 'argument-invalid' })
  await t.rejects(site.manager.setPriority({ jobId: '77', priority: 1 }), { code: 'job-unknown' })
})

t.test('what a user asked for is backed up, for as long as the request says', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  await runJob(site, { selections: [toPath('/home/ann')], retentionMs: 5000 })
  await runJob(site, {
    retentionMs: null,
    policy: { ...daily, selections: ['NEW_STREAM', toPath('/a'), 'NEW_STREAM', toPath('/b')] },
  })
  const [first, second] = site.world.catalog.images
  t.strictSame(first?.selections, ['/home/ann'])
  t.ok(Math.abs((first?.expiresAt ?? 0) - (first?.backupTime ?? 0) - 5000) < 1000)
  t.strictSame(second?.selections, ['/a', '/b'])
  t.notOk(second?.expiresAt)
  const drives = { ...daily, selections: ['ALL_LOCAL_DRIVES' as const] }
  await t.rejects(site.manager.submit(request({ policy: drives })), {
    code: 'argument-invalid',
    message: /ALL_LOCAL_DRIVES/,
  })
  t.match(await runJob(site, { policy: drives, selections: [toPath('/')] }), { status: 0 })
})
