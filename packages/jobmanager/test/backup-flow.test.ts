import type { ImageRecord } from '@nb/contracts'
import t from 'tap'
import { collect } from '@nb/test-kit'
import {
  cumulative,
  differential,
  documentedSteps,
  full,
  logOf,
  openSite,
  runJob,
  type Site,
  stepsOf,
} from './fixture.ts'

t.test('a backup leaves every step in its log, each written by the component that acts in it', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const job = await runJob(site)
  t.match(job, { id: '1', state: 'done', status: 0, backupId: 'web1_1767225600', storageUnit: 'disk1' })
  t.strictSame((await stepsOf(site, '1')).sort(), [...documentedSteps].sort())
  t.strictSame(
    (await stepsOf(site, '1')).filter((step) => !step.startsWith('11 ')),
    documentedSteps.filter((step) => !step.startsWith('11 ')),
  )
  t.match(job.progress, { files: 3, bytes: 3000, waitedForFullBuffer: 7, waitedForEmptyBuffer: 2 })
  t.strictSame(site.world.broker.inForce, [])
  t.equal(site.world.catalog.images[0]?.state, 'complete')
})

t.test('an incremental compares with the newest image of its kind', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const first = await runJob(site, { schedule: differential })
  const told = (await logOf(site, first.id)).map(({ text }) => text)
  t.ok(
    told.some((text) => text.includes('schedule incr runs as a full')),
    'without an image to compare with it runs as a full and says so',
  )
  const fullImage = site.world.catalog.images[0]
  t.match(fullImage, { scheduleType: 'full', schedule: 'incr', retentionLevel: 0 })
  t.notOk(fullImage?.referenceId)
  const second = await runJob(site, { schedule: differential })
  const third = await runJob(site, { schedule: differential })
  const fourth = await runJob(site, { schedule: cumulative })
  const images = await collect(site.world.catalog.listImages({}))
  const byJob = new Map(images.map((image) => [image.jobId, image]))
  t.equal(byJob.get(second.id)?.referenceId, byJob.get(first.id)?.backupId)
  t.equal(byJob.get(third.id)?.referenceId, byJob.get(second.id)?.backupId)
  t.equal(byJob.get(fourth.id)?.referenceId, byJob.get(first.id)?.backupId, 'a cumulative refers to the full')
  const image = byJob.get(second.id)
  t.equal(image?.expiresAt, (image?.backupTime ?? 0) + 7 * 86_400_000, 'retention level 0 is a week')
})

t.test('an image with a damaged file list is compared with no more', async (t) => {
  const failing = new Map([
    ['4', { status: 23, statusText: 'the data channel was broken' }],
    ['5', { status: 84, statusText: 'the disk is broken' }],
  ])
  const site: Site = await openSite({
    script: (jobId) => {
      // The list is found damaged while the fourth job compares with it.
      const [second] = site.world.catalog.images.filter((image) => image.jobId === '2')
      if (jobId === '4' && second !== undefined)
        site.world.catalog.add({ ...second, damaged: 'the file list is damaged: a checksum' })
      return failing.get(jobId) ?? {}
    },
  })
  t.teardown(() => site.stop())
  const imageOf = (jobId: string): ImageRecord | undefined =>
    site.world.catalog.images.find((image) => image.jobId === jobId)
  const texts = async (jobId: string): Promise<string> =>
    (await logOf(site, jobId)).map(({ text }) => text).join('\n')
  const damage = (jobId: string): void =>
    site.world.catalog.add({
      ...(imageOf(jobId) as ImageRecord),
      damaged: 'the file list is damaged: a checksum',
    })

  await runJob(site, { schedule: full })
  await runJob(site, { schedule: differential })
  const third = await runJob(site, { schedule: cumulative })
  site.world.catalog.add({ ...(imageOf(third.id) as ImageRecord), state: 'expired' })
  const [first, second] = ['1', '2'].map((jobId) => imageOf(jobId)?.backupId ?? 'none')

  const fourth = await runJob(site, { schedule: differential })
  t.match(fourth, {
    status: 229,
    statusText: `the reference image ${second} is damaged, the next run will not use it: `,
  })
  t.match(await texts(fourth.id), fourth.statusText)
  t.match(await runJob(site, { schedule: differential }), { status: 84, statusText: 'the disk is broken' })

  const sixth = await runJob(site, { schedule: differential })
  t.equal(sixth.status, 0)
  t.match(imageOf(sixth.id), { referenceId: first, scheduleType: 'differential' }, 'an older one serves')
  t.match(
    await texts(sixth.id),
    `comparing with image ${first}; not with ${second}, whose file list is damaged`,
  )

  for (const jobId of ['1', sixth.id]) damage(jobId)
  const seventh = await runJob(site, { schedule: differential })
  t.equal(seventh.status, 0)
  t.match(imageOf(seventh.id), { scheduleType: 'full' })
  t.notOk(imageOf(seventh.id)?.referenceId)
  t.match(
    await texts(seventh.id),
    `runs as a full; not with ${imageOf(sixth.id)?.backupId}, ${second}, ${first}, whose`,
  )
})

t.test(
  'a failed session, an empty success and a bad image end with their true status and leave nothing',
  async (t) => {
    const scripts: Record<string, object> = {
      '1': { status: 84, statusText: 'the disk is broken' },
      '2': { inconsistent: true },
      '3': { status: 1 },
    }
    const site = await openSite({ script: (jobId) => scripts[jobId] ?? {} })
    t.teardown(() => site.stop())
    t.match(await runJob(site), { state: 'done', status: 84, statusText: 'the disk is broken' })
    t.match(await runJob(site), { state: 'done', status: 229 })
    t.match(await runJob(site), { state: 'done', status: 1, warnings: 1 })
    const lines = (await logOf(site, '2')).map(({ text }) => text)
    t.ok(lines.some((text) => text.includes('amended to 229')))
    t.strictSame(
      site.world.catalog.images.map(({ jobId, state }) => [jobId, state]),
      [['3', 'complete']],
    )
    t.strictSame(site.world.broker.inForce, [])
    t.strictSame(
      [...(site.world.mediaServers.get('media1')?.stored.get('disk1') ?? [])],
      [site.world.catalog.images[0]?.backupId],
    )
  },
)
