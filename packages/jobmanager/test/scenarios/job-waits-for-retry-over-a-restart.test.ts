import { collect } from '@nb/test-kit'
import t from 'tap'
import { driven, logOf, openSite, request, restartSite, textsOf, untilState } from '../fixture.ts'

const minute = 60_000
const retry = { tries: 3, delayMs: 10 * minute }
const failing = { status: 84, statusText: 'the disk is broken' }

t.test('a failed try is followed by another, of the same job, after the delay', async (t) => {
  const site = await openSite({ script: (_, { nth }) => (nth < 3 ? failing : {}) })
  t.teardown(() => site.stop())
  const told: unknown[] = []
  site.manager.on('job:waiting-for-retry', (event) => told.push(event))
  const { jobId } = await site.manager.submit(request({ retry }))
  const begun = site.clock.now()
  const waiting = await untilState(site, jobId, 'waiting-for-retry')
  t.match(waiting, {
    attempt: 1,
    retryAt: begun + 1000 + 10 * minute,
    actions: ['cancel', 'suspend', 'set-priority'],
  })
  t.notOk(waiting.backupId, 'each try has an image of its own')
  t.notOk(waiting.status)
  t.strictSame(site.world.broker.inForce, [], 'a job at rest holds nothing')
  t.strictSame(site.world.catalog.images, [])
  const why = await site.manager.explain({ jobId })
  t.match(why, { waiting: true, blockers: [{ kind: 'retry-delay', name: jobId, reason: 84 }] })
  t.match(
    why.sentence,
    /Job 1 waits until 2026-01-01T00:10:01\.000Z for its next try, which begins at once when it is suspended and resumed; try 1 ended with status 84.*the disk is broken/,
  )
  t.equal(
    why.blockers[0]?.goesOnWhen,
    'its retry is due, at 2026-01-01T00:10:01.000Z, or it is suspended and resumed',
  )
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 3, state: 'done' })
  t.match(await collect(site.manager.attempts({ jobId })), [
    { number: 1, status: 84, statusText: 'the disk is broken', storageUnit: 'disk1', firstLine: 1 },
    { number: 2, status: 84 },
    { number: 3, status: 0, files: 3, bytes: 3000 },
  ])
  t.strictSame(told, [
    { jobId, status: 84, retryAt: begun + 1000 + 10 * minute },
    { jobId, status: 84, retryAt: begun + 2000 + 20 * minute },
  ])
  const second = await collect(site.manager.log({ jobId, attempt: 2 }))
  const [first] = second
  t.match(first?.text, /requesting resource/)
  t.ok(second.some(({ text }) => /failed try 2 of 3/.test(text)))
  t.match(second.at(-1)?.text, /released storage unit/)
  t.ok(second.length < (await logOf(site, jobId)).length / 2)
  t.strictSame(await collect(site.manager.log({ jobId, attempt: 9 })), [])
})

t.test('with no tries left the job is done with the last try’s status', async (t) => {
  const site = await openSite({ script: () => failing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry: { tries: 2, delayMs: minute } }))
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 84, attempt: 2 })
  t.strictSame(site.world.catalog.images, [])
})

t.test('the wait goes on over a restart, and the retry comes in time', async (t) => {
  let site = await openSite({ script: (_, { nth }) => (nth < 2 ? failing : {}) })
  const { jobId } = await site.manager.submit(request({ retry }))
  const { retryAt = 0 } = await untilState(site, jobId, 'waiting-for-retry')
  await site.clock.advance(4 * minute)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  t.match(await site.manager.get({ jobId }), { state: 'waiting-for-retry', retryAt, attempt: 1 })
  await site.clock.advance(retryAt - site.clock.now() - 1)
  t.match(await site.manager.get({ jobId }), { state: 'waiting-for-retry' })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 2 })
  t.ok(site.clock.now() - retryAt < minute)
})

t.test('a retry that came due while the server was down begins at the start', async (t) => {
  let site = await openSite({ script: (_, { nth }) => (nth < 2 ? failing : {}) })
  const { jobId } = await site.manager.submit(request({ retry }))
  await untilState(site, jobId, 'waiting-for-retry')
  await site.stop()
  await site.clock.advance(86_400_000)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  const begun = site.clock.now()
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
  t.ok(site.clock.now() - begun < minute)
})

t.test('a cancel while it waits ends it with 150', async (t) => {
  const site = await openSite({ script: () => failing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry }))
  await untilState(site, jobId, 'waiting-for-retry')
  await site.manager.cancel({ jobId, reason: 'enough' })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 150, statusText: 'enough' })
  await site.clock.advance(3_600_000)
  t.match(await site.manager.get({ jobId }), { status: 150, attempt: 1 })
})

t.test('suspended while it waits, it begins its next try when it is resumed', async (t) => {
  let site = await openSite({ script: (_, { nth }) => (nth < 2 ? failing : {}) })
  const { jobId } = await site.manager.submit(request({ retry }))
  await untilState(site, jobId, 'waiting-for-retry')
  await site.manager.suspend({ jobId, reason: 'the array is being mended' })
  t.match(await site.manager.get({ jobId }), {
    state: 'suspended',
    actions: ['cancel', 'resume', 'set-priority'],
  })
  await site.clock.advance(86_400_000)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  const why = await site.manager.explain({ jobId })
  t.match(why.sentence, /is suspended since .*: the array is being mended; it waits to be resumed/)
  await site.manager.resume({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 2 })
  t.match(await textsOf(site, jobId), /held until it is resumed: the array is being mended/)
})

t.test('suspended and resumed while it waits, its next try begins at once', async (t) => {
  const site = await openSite({ script: (_, { nth }) => (nth < 2 ? failing : {}) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry }))
  const { retryAt = 0 } = await untilState(site, jobId, 'waiting-for-retry')
  await site.manager.suspend({ jobId })
  await site.manager.resume({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 2 })
  t.ok(retryAt - site.clock.now() > 9 * minute)
})

t.test('what another try can’t better is not tried again', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry }))
  await site.clock.advance(10_000)
  await site.manager.cancel({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 150, attempt: 1 })
})
