import t from 'tap'
import { driven, openSite, runJob } from './fixture.ts'

const dayMs = 86_400_000

t.test('images are removed when their time has come, by themselves', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  await runJob(site)
  const disk = site.world.mediaServers.get('media1')?.stored.get('disk1')
  t.equal(disk?.size, 1)
  await site.clock.advance(13 * dayMs)
  t.equal(disk?.size, 1, 'retention level 1 is two weeks')
  await site.clock.advance(2 * dayMs)
  t.equal(disk?.size, 0)
  t.strictSame(site.world.catalog.images, [])
})

t.test('fragments that the catalog does not know are left alone and reported', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  await runJob(site)
  const server = site.world.mediaServers.get('media1')
  server?.store('disk1', 'elsewhere_1')
  const report = await driven(site.clock, site.manager.cleanImages())
  t.match(report, {
    removed: [],
    unknown: [{ mediaServer: 'media1', storageUnit: 'disk1', backupId: 'elsewhere_1' }],
  })
  t.ok(server?.stored.get('disk1')?.has('elsewhere_1'))
})

t.test(
  'fragments unknown to the catalog are looked for as rarely as asked, and still removed when due',
  async (t) => {
    const site = await openSite({ manager: { fragmentCheckMs: 3 * dayMs, cleanupIntervalMs: 100 * dayMs } })
    t.teardown(() => site.stop())
    const job = await runJob(site)
    const server = site.world.mediaServers.get('media1')
    server?.store('disk1', 'elsewhere_1')
    const unknown = async () => (await driven(site.clock, site.manager.cleanImages())).unknown.length
    t.equal(await unknown(), 0, 'the clean-up at the start has looked')
    await site.clock.advance(3 * dayMs)
    t.equal(await unknown(), 1)
    t.equal(await unknown(), 0)
    t.equal(server?.stored.get('disk1')?.has(job.backupId ?? ''), true)
    await site.clock.advance(3 * dayMs - 60_000)
    site.world.catalog.images.forEach((image) => site.world.catalog.add({ ...image, expiresAt: 1 }))
    t.equal(await unknown(), 0, 'not yet again')
    t.strictSame(
      [...(server?.stored.get('disk1') ?? [])],
      ['elsewhere_1'],
      'what is due is removed all the same',
    )
  },
)

t.test('an image in progress without a job is given up, with fragments wherever they may be', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const job = await runJob(site)
  const [image] = site.world.catalog.images
  if (image === undefined) throw new Error('no image')
  site.world.catalog.add({ ...image, backupId: 'web1_1', jobId: '99', state: 'in-progress', copies: [] })
  const server = site.world.mediaServers.get('media1')
  server?.store('disk1', 'web1_1')
  const report = await driven(site.clock, site.manager.cleanImages())
  t.match(report, { discarded: ['web1_1'], removed: ['web1_1'] })
  t.strictSame([...(server?.stored.get('disk1') ?? [])], [job.backupId])
})

t.test('old jobs are purged with their logs', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  await runJob(site)
  await site.clock.advance(31 * dayMs)
  t.equal(await site.manager.get({ jobId: '1' }), undefined)
  const job = await runJob(site)
  t.equal(job.id, '2', 'its number is not used again')
})
