import { toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import {
  differential,
  driven,
  logOf,
  openSite,
  request,
  restartSite,
  runJob,
  untilState,
} from '../fixture.ts'

const names = ['a', 'b', 'c', 'd']
const streams = names.map((name) => ({ name, selections: [toPath(`/${name}`)] }))
const streamed = { streams, streamSet: names }

t.test(
  'a backup of four streams is a parent and four parts; the worst part’s status is its own',
  async (t) => {
    const site = await openSite({
      script: (jobId) => (jobId === '4' ? { status: 84, statusText: 'broken' } : { durationMs: 10_000 }),
    })
    t.teardown(() => site.stop())
    const asked = request(streamed)
    const made = await site.manager.submit(asked)
    t.strictSame(made, {
      jobId: '1',
      children: names.map((stream, index) => ({ stream, jobId: String(index + 2) })),
    })
    t.match(await site.manager.get({ jobId: '1' }), { state: 'queued', children: 4 })
    t.strictSame(await site.manager.submit(asked), made, 'the same request is the same jobs')
    await site.clock.advance(1000)
    t.match(await site.manager.get({ jobId: '1' }), { state: 'active' })
    t.strictSame(
      (await collect(site.manager.list({ parentId: '1' }))).map(({ stream }) => stream),
      ['d', 'c', 'b', 'a'],
    )
    const job = await driven(site.clock, site.manager.wait({ jobId: '1' }))
    t.match(job, { status: 84, children: 4, state: 'done' })
    t.match(job.statusText, /3 of 4 streams succeeded; stream c ended with status 84.*: broken/)
    t.match(job.progress, { files: 9, bytes: 9000 })
    t.match(await site.manager.get({ jobId: '4' }), { parentId: '1', stream: 'c', status: 84 })
    const images = site.world.catalog.images
    t.strictSame(
      images.map(({ stream }) => stream),
      ['a', 'b', 'd'],
    )
    t.strictSame(images[0]?.streamSet, names)
    t.strictSame(images[0]?.selections, [toPath('/a')])
    t.match((await logOf(site, '1')).map(({ text }) => text).join(), /parent of job 2 for stream a/)
    t.notOk(
      (await logOf(site, '1')).some(({ text }) => /requesting resource/.test(text)),
      'it does nothing itself',
    )
  },
)

t.test('the part that failed is started again alone, and compares with its own stream', async (t) => {
  const site = await openSite({
    script: (jobId) => (jobId === '3' ? { status: 84, statusText: 'broken' } : {}),
  })
  t.teardown(() => site.stop())
  await runJob(site, streamed)
  t.ok((await site.manager.get({ jobId: '3' }))?.actions.includes('restart'))
  const { jobId } = await site.manager.restart({ jobId: '3' })
  const again = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(again, { status: 0, stream: 'b', origin: 'immediate' })
  t.notOk(again.parentId)
  const incremental = await site.manager.submit(request({ ...streamed, schedule: differential }))
  await driven(site.clock, site.manager.wait(incremental))
  const referenceOf = (id: string): string | undefined =>
    site.world.catalog.images.find((image) => image.jobId === id)?.referenceId
  const backupOf = (id: string): string | undefined =>
    site.world.catalog.images.find((image) => image.jobId === id)?.backupId
  const parts = incremental.children ?? []
  t.equal(referenceOf(parts[0]?.jobId ?? ''), backupOf('2'))
  t.equal(referenceOf(parts[1]?.jobId ?? ''), backupOf(jobId), 'the one that was started again')
  await driven(site.clock, site.manager.wait(await site.manager.submit(request({ schedule: differential }))))
  t.notOk(
    site.world.catalog.images.at(-1)?.referenceId,
    'a backup without streams compares with none of them',
  )
})

t.test('the whole is started again as a whole', async (t) => {
  const site = await openSite({
    script: (jobId) => (jobId === '3' ? { status: 84, statusText: 'broken' } : {}),
  })
  t.teardown(() => site.stop())
  await runJob(site, streamed)
  const { jobId } = await site.manager.restart({ jobId: '1' })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, children: 4 })
  t.equal((await collect(site.manager.list({ parentId: jobId }))).length, 4)
  await t.rejects(site.manager.restart({ jobId: '77' }), { code: 'job-unknown' })
})

t.test('what is done to the parent is done to its parts', async (t) => {
  let site = await openSite({
    units: [{ name: 'disk1', mediaServer: 'media1', slots: 2 }],
    script: () => ({ durationMs: Infinity }),
  })
  await site.manager.submit(request(streamed))
  await site.clock.advance(1000)
  const states = async (): Promise<string[]> =>
    (await collect(site.manager.list({ parentId: '1' }))).map(({ state }) => state).reverse()
  t.strictSame(await states(), ['active', 'active', 'queued', 'queued'])
  await site.manager.setPriority({ jobId: '1', priority: 77 })
  t.match(site.world.broker.waiting, [{ priority: 77 }, { priority: 77 }])
  t.match(await site.manager.get({ jobId: '5' }), { priority: 77 })
  await site.manager.suspend({ jobId: '1', reason: 'too much' })
  await untilState(site, '5', 'suspended')
  t.strictSame(await states(), ['active', 'active', 'suspended', 'suspended'], 'what can be, is')
  t.match(
    (await logOf(site, '1')).map(({ text }) => text).join('\n'),
    /job 2 is active and has no checkpoint/,
  )
  for (const jobId of ['2', '3']) await site.manager.cancel({ jobId })
  await untilState(site, '3', 'done')
  const parent = await site.manager.get({ jobId: '1' })
  t.match(parent, { state: 'suspended' })
  t.match(
    (await site.manager.explain({ jobId: '1' })).sentence,
    /Job 1 waits for job 4, stream c\. Job 4 is suspended/,
  )
  site = await restartSite(site)
  t.teardown(() => site.stop())
  await site.manager.resume({ jobId: '1' })
  await site.clock.advance(1000)
  t.strictSame((await states()).slice(2), ['active', 'active'])
  await site.manager.cancel({ jobId: '1', reason: 'no more' })
  t.match(await driven(site.clock, site.manager.wait({ jobId: '1' })), { status: 150 })
  t.strictSame(site.world.broker.inForce, [])
})

t.test('a crash at any write leaves the parent with all of its parts', async (t) => {
  let site = await openSite({ script: () => ({ durationMs: 10_000 }) })
  const { jobId } = await site.manager.submit(request(streamed))
  site = await restartSite(site)
  t.teardown(() => site.stop())
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.equal(job.children, 4)
  t.equal((await collect(site.manager.list({ parentId: jobId }))).length, 4)
})
