import { collect } from '@nb/test-kit'
import t from 'tap'
import {
  daily,
  driven,
  logOf,
  openSite,
  request,
  restartSite,
  stepsOf,
  textsOf,
  untilState,
} from '../fixture.ts'

const hour = 3_600_000
/** The first session takes a checkpoint and stands; the one that resumes comes to its end. */
const standing = (_: string, { nth }: { readonly nth: number }): object =>
  nth === 1
    ? { checkpoints: 1, durationMs: Infinity, files: 10, bytes: 10_000 }
    : { files: 10, bytes: 10_000 }

t.test('an active backup is suspended at its last checkpoint and goes on from there', async (t) => {
  let site = await openSite({ script: standing })
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(500)
  const before = await site.manager.get({ jobId })
  t.notOk(before?.actions.includes('suspend'), 'there is nothing yet to go on from')
  await t.rejects(site.manager.suspend({ jobId }), {
    code: 'state-conflict',
    message:
      /job 1 is active and has no checkpoint yet to go on from; one is taken every 900 s: suspend it after that, or cancel it/,
  })
  await site.clock.advance(5000)
  const active = await site.manager.get({ jobId })
  t.ok(active?.actions.includes('suspend'))
  t.ok(active?.checkpointAt)
  await site.manager.suspend({ jobId, reason: 'the night is over' })
  const held = await untilState(site, jobId, 'suspended')
  t.match(held, {
    backupId: active?.backupId,
    storageUnit: 'disk1',
    attempt: 1,
    actions: ['cancel', 'resume', 'set-priority'],
  })
  t.strictSame(
    (await logOf(site, jobId)).filter(({ severity }) => severity === 'error'),
    [],
    'a suspend that was wanted is no error',
  )
  t.strictSame(site.world.broker.inForce, [])
  t.strictSame(site.world.mediaServers.get('media1')?.live, [])
  t.match(site.world.catalog.images, [{ state: 'in-progress', backupId: active?.backupId }])
  site = await restartSite(site)
  t.teardown(() => site.stop())
  await driven(site.clock, site.manager.cleanImages())
  t.match(
    site.world.catalog.images,
    [{ state: 'in-progress' }],
    'neither restart nor clean-up takes its image',
  )
  await site.clock.advance(30 * hour)
  await site.manager.resume({ jobId })
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 2, backupId: active?.backupId, progress: { files: 10, bytes: 10_000 } })
  t.match(site.world.catalog.images, [{ state: 'complete', backupId: active?.backupId }])
  t.match(await collect(site.manager.attempts({ jobId })), [
    { number: 1, status: 157, statusText: 'the night is over', files: 5 },
    { number: 2, status: 0, files: 10 },
  ])
  t.match(
    await textsOf(site, jobId),
    /going on with image .* from checkpoint 1: 5 entries, 5 kbytes are saved/,
  )
  t.equal((await stepsOf(site, jobId)).filter((step) => step === '6 catalog').length, 1, 'one image')
})

t.test('a queued job is taken off the queue, and is the same try when it is resumed', async (t) => {
  const site = await openSite({
    units: [{ name: 'disk1', mediaServer: 'media1', slots: 1 }],
    script: (jobId) => (jobId === '1' ? { durationMs: Infinity } : {}),
  })
  t.teardown(() => site.stop())
  await site.manager.submit(request())
  await site.clock.advance(1000)
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(1000)
  t.equal(site.world.broker.waiting.length, 1)
  await site.manager.suspend({ jobId })
  const held = await untilState(site, jobId, 'suspended')
  t.strictSame(site.world.broker.waiting, [])
  t.notOk(held.activeAt)
  await site.manager.cancel({ jobId: '1' })
  await driven(site.clock, site.manager.wait({ jobId: '1' }))
  await site.clock.advance(hour)
  t.match(await site.manager.get({ jobId }), { state: 'suspended' })
  await t.rejects(site.manager.suspend({ jobId }), {
    code: 'state-conflict',
    message: /is suspended already/,
  })
  await site.manager.resume({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 1 })
  t.equal((await collect(site.manager.attempts({ jobId }))).length, 1)
  await t.rejects(site.manager.resume({ jobId }), { code: 'state-conflict', message: /is done/ })
})

t.test('a try that fails after a checkpoint is followed by one that goes on from it', async (t) => {
  const site = await openSite({
    script: (_, { nth }) =>
      nth < 3
        ? { checkpoints: 2, status: 84, statusText: 'broken', files: 27, bytes: 27_000 }
        : { files: 27, bytes: 27_000 },
  })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry: { tries: 3, delayMs: 60_000 } }))
  const waiting = await untilState(site, jobId, 'waiting-for-retry')
  t.ok(waiting.backupId, 'its image is kept')
  t.strictSame(site.world.broker.inForce, [])
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 3, backupId: waiting.backupId, progress: { files: 27 } })
  t.match(await textsOf(site, jobId), /from checkpoint 2[^]*from checkpoint 4/)
})

t.test('where its image is gone it starts afresh, and says so', async (t) => {
  const site = await openSite({ script: standing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(5000)
  await site.manager.suspend({ jobId })
  const { backupId = '' } = await untilState(site, jobId, 'suspended')
  await site.world.catalog.discardImage({ backupId, reason: 'by mistake' })
  await site.manager.resume({ jobId })
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 2 })
  t.not(job.backupId, backupId)
  t.match(
    await textsOf(site, jobId),
    /can't go on from checkpoint 1 and starts afresh: image .* is discarded/,
  )
  t.match(site.world.catalog.images, [{ state: 'complete', backupId: job.backupId }])
  t.equal(site.world.catalog.images.length, 1)
})

t.test('where the media server can’t go on (163), a try that starts afresh follows at once', async (t) => {
  const site = await openSite({ script: standing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(5000)
  await site.manager.suspend({ jobId })
  const { backupId = '' } = await untilState(site, jobId, 'suspended')
  await site.world.mediaServers.get('media1')?.removeImage({ storageUnit: 'disk1', backupId })
  await site.manager.resume({ jobId })
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 3 })
  t.match(await collect(site.manager.attempts({ jobId })), [{ status: 157 }, { status: 163 }, { status: 0 }])
  t.match(site.world.catalog.images, [{ state: 'complete', backupId: job.backupId }])
})

t.test('where its storage unit is no more it starts afresh on another', async (t) => {
  const units = [
    { name: 'disk1', mediaServer: 'media1', slots: 4 },
    { name: 'disk2', mediaServer: 'media2', slots: 4 },
  ]
  let sessions = 0
  const site = await openSite({ script: (jobId) => standing(jobId, { nth: ++sessions }), units })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(5000)
  await site.manager.suspend({ jobId })
  await untilState(site, jobId, 'suspended')
  units.shift()
  await site.manager.resume({ jobId })
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, storageUnit: 'disk2' })
  t.match(await textsOf(site, jobId), /starts afresh: its storage unit can't be used/)
  t.equal(site.world.catalog.images.length, 1)
})

t.test('a policy without checkpoints, and a cancel of a suspended job', async (t) => {
  const site = await openSite({ script: standing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ policy: { ...daily, checkpointIntervalMs: 0 } }))
  await site.clock.advance(500)
  await t.rejects(site.manager.suspend({ jobId }), {
    code: 'state-conflict',
    message: /it takes none: cancel it/,
  })
  await site.manager.cancel({ jobId })
  await driven(site.clock, site.manager.wait({ jobId }))
  const second = await site.manager.submit(request())
  await site.clock.advance(5000)
  await site.manager.suspend(second)
  await untilState(site, second.jobId, 'suspended')
  await site.manager.cancel(second)
  t.match(await driven(site.clock, site.manager.wait(second)), { status: 150, attempt: 1 })
  t.strictSame(site.world.catalog.images, [])
  t.strictSame([...(site.world.mediaServers.get('media1')?.stored.get('disk1') ?? [])], [])
})
