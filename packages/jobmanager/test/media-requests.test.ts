import { type MediaAnswer, type MediaServer, NbError, debugLogger } from '@nb/contracts'
import { type FakeMediaServer, createFakeBroker, driven, sampleRestoreSession } from '@nb/test-kit'
import t from 'tap'
import { createJobManager, createJobStore } from '../src/index.ts'
import { logOf, openSite, request, type Site } from './fixture.ts'

const restore = { requestId: 'r', type: 'restore', origin: 'user', client: 'web1', lines: [] } as const
const need = { kind: 'read', storageUnit: 'disk1' } as const

/** Records what is granted to whom, and then grants it. */
function watchAnswers(site: Site): { readonly requestId: string; readonly answer: MediaAnswer }[] {
  const answers: { requestId: string; answer: MediaAnswer }[] = []
  const server = serverOf(site)
  const grant: MediaServer['grantMedia'] = server.grantMedia.bind(server)
  server.grantMedia = async (input) => {
    answers.push({ requestId: input.requestId, answer: input.answer })
    await grant(input)
  }
  return answers
}

function serverOf(site: Site): FakeMediaServer & { grantMedia: MediaServer['grantMedia'] } {
  const server = site.world.mediaServers.get('media1')
  if (server === undefined) throw new Error('no media server')
  return server
}

t.test('a backup’s first request gets its own grant, the next one another', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  t.teardown(() => site.stop())
  const answers = watchAnswers(site)
  const { jobId } = await site.manager.submit(request())
  await site.clock.advanceUntil(() => answers.length === 1)
  const [first] = site.world.broker.inForce
  t.match(answers, [{ requestId: '1', answer: { granted: true, allocation: first?.allocation } }])
  const [session] = serverOf(site).live
  const next = { jobId, sessionId: session?.sessionId ?? '', mediaServer: 'media1', requestId: '2' }
  const write = {
    kind: 'write',
    storage: { kind: 'any' },
    volumePool: 'NetBackup',
    retentionLevel: 1,
  } as const
  await site.manager.requestMedia({ ...next, need: write })
  await site.manager.requestMedia({ ...next, need: write })
  await site.clock.advanceUntil(() => answers.length === 2)
  t.equal(site.world.broker.inForce.length, 2, 'the same request is acquired once')
  t.not(
    answers[1]?.answer.granted && answers[1].answer.allocation.allocationId,
    first?.allocation.allocationId,
  )
  await site.manager.requestMedia({ ...next, need: write })
  await site.clock.advanceUntil(() => answers.length === 3)
  t.strictSame(answers[2], answers[1], 'asked again, it hears the same answer')
  await site.manager.cancel({ jobId })
  await driven(site.clock, site.manager.wait({ jobId }))
  t.strictSame(site.world.broker.inForce, [], 'the end gives back all')
})

t.test('an answer that a session does not wait for any more does not end its job', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 60_000 }) })
  t.teardown(() => site.stop())
  const server = serverOf(site)
  const grant: MediaServer['grantMedia'] = server.grantMedia.bind(server)
  let answers = 0
  server.grantMedia = async (input) => {
    answers += 1
    await grant(input)
    throw new NbError('not-found', 'it has made no such request that still counts')
  }
  const { jobId } = await site.manager.submit(request())
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
  t.equal(answers, 1)
})

t.test('what can’t be granted is answered with its status', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const answers = watchAnswers(site)
  const { jobId } = await site.manager.register(restore)
  const input = { jobId, sessionId: 's1', mediaServer: 'media1', requestId: '1' }
  await site.manager.requestMedia({ ...input, need: { kind: 'read', storageUnit: 'nowhere' } })
  await site.clock.advanceUntil(() => answers.length === 1)
  t.match(answers, [{ answer: { granted: false, status: 800 } }])
  t.ok(
    (await logOf(site, jobId)).some(({ severity, text }) => severity === 'error' && /not granted/.test(text)),
  )
  await site.manager.cancel({ jobId })
  await site.manager.requestMedia({ ...input, requestId: '2', need })
  await site.clock.advanceUntil(() => answers.length === 2)
  t.match(answers[1], { answer: { granted: false, status: 150 } })
  await site.manager.finish({ jobId, status: 150 })
})

t.test('a session that ends while it waits leaves no request behind', async (t) => {
  const site = await openSite({ units: [{ name: 'disk1', mediaServer: 'media1', slots: 1 }] })
  t.teardown(() => site.stop())
  const ids = await Promise.all(
    ['a', 'b'].map(async (requestId) => (await site.manager.register({ ...restore, requestId })).jobId),
  )
  for (const jobId of ids) {
    await site.manager.requestMedia({
      jobId,
      sessionId: `s${jobId}`,
      mediaServer: 'media1',
      requestId: '1',
      need,
    })
  }
  await site.clock.advance(1000)
  t.equal(site.world.broker.waiting.length, 1)
  t.match(await site.manager.explain({ jobId: ids[1] ?? '' }), { waiting: true })
  const waiting = ids[1] ?? ''
  const report = {
    sessionId: `s${waiting}`,
    jobId: waiting,
    kind: 'restore',
    status: 150,
    statusText: 'gave up',
    warnings: 0,
    waitedForFullBuffer: 0,
    waitedForEmptyBuffer: 0,
  } as const
  await site.manager.sessionEnded({ report })
  await site.manager.sessionEnded({ report })
  t.strictSame(site.world.broker.waiting, [])
  const again = { jobId: waiting, sessionId: `s${waiting}`, mediaServer: 'media1', requestId: '2', need }
  await t.rejects(site.manager.requestMedia(again), { code: 'session-unknown' })
  for (const jobId of ids) await site.manager.finish({ jobId, status: 150 })
  t.strictSame(site.world.broker.inForce, [])
})

t.test('a lost lease ends a restore’s session with 914', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.register(restore)
  const { sessionId } = await serverOf(site).startRestore(sampleRestoreSession(jobId))
  await site.clock.advanceUntil(() => site.world.broker.inForce.length === 1)
  site.world.broker.expire(site.world.broker.inForce[0]?.leaseId ?? '')
  t.match(await driven(site.clock, serverOf(site).waitSession({ sessionId })), { status: 914 })
  await site.manager.finish({ jobId, status: 914 })
})

t.test('an owner that may come back finds its job and its session as they were', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: 120_000 }) })
  const { jobId } = await site.manager.register(restore)
  await serverOf(site).startRestore(sampleRestoreSession(jobId))
  await site.clock.advanceUntil(() => site.world.broker.inForce.length === 1)
  await site.stop()
  const jobStore = createJobStore({ store: site.database, clock: site.clock })
  const manager = createJobManager({ ...site.world, jobStore, clock: site.clock }, { ownerGraceMs: 60_000 })
  site.world.connect(manager)
  await driven(site.clock, manager.start())
  t.equal(serverOf(site).live.length, 1, 'its session goes on')
  t.strictSame(await manager.register(restore), { jobId })
  await site.clock.advanceUntil(() => serverOf(site).live.length === 0)
  await site.clock.advance(600_000)
  t.match(await manager.get({ jobId }), { state: 'active' }, 'it came back')
  await driven(site.clock, manager.finish({ jobId, status: 0 }))
  t.strictSame(site.world.broker.inForce, [])
  await driven(site.clock, manager.stop())
})

t.test('an owner that does not come back in time: 63', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  const { jobId } = await site.manager.register(restore)
  await serverOf(site).startRestore(sampleRestoreSession(jobId))
  await site.clock.advanceUntil(() => site.world.broker.inForce.length === 1)
  await site.stop()
  const jobStore = createJobStore({ store: site.database, clock: site.clock })
  const manager = createJobManager({ ...site.world, jobStore, clock: site.clock }, { ownerGraceMs: 60_000 })
  site.world.connect(manager)
  await driven(site.clock, manager.start())
  t.match(await driven(site.clock, manager.wait({ jobId })), { status: 63 })
  t.strictSame(serverOf(site).live, [])
  t.strictSame(site.world.broker.inForce, [])
  await driven(site.clock, manager.stop())
})

t.test('a broker that is away does not end a queued job', async (t) => {
  const site = await openSite()
  const { clock, world } = site
  await site.stop()
  const jobStore = createJobStore({ store: site.database, clock })
  const units = [{ name: 'disk1', mediaServer: 'media1', slots: 1 }]
  const broker = createFakeBroker({ clock, log: jobStore, units })
  let away = true
  const acquire = broker.acquire.bind(broker)
  broker.acquire = async (input, options) => {
    if (away) throw Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' })
    return acquire(input, options)
  }
  const log = debugLogger('nb:test')
  const manager = createJobManager({ ...world, broker, jobStore, clock, log })
  world.connect(manager)
  await driven(clock, manager.start())
  const unknown = await manager.submit(request())
  t.match(
    await driven(clock, manager.wait(unknown)),
    { status: 130 },
    'what is not said to pass is taken as final',
  )
  const { NbError } = await import('@nb/contracts')
  broker.acquire = async (input, options) => {
    if (away) throw new NbError('server-unreachable', 'no route to the broker')
    return acquire(input, options)
  }
  const { jobId } = await manager.submit(request())
  await clock.advance(3_600_000)
  t.match(await manager.get({ jobId }), { state: 'queued' })
  away = false
  t.match(await driven(clock, manager.wait({ jobId })), { status: 0 })
  await driven(clock, manager.stop())
})

t.test('a media server that never answers does not hold up the stop', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  const { jobId } = await site.manager.submit(request())
  await site.clock.advanceUntil(() => serverOf(site).live.length === 1)
  await site.clock.advance(1000)
  serverOf(site).endSession = () => new Promise<never>(() => undefined)
  const begun = site.clock.now()
  await driven(site.clock, site.manager.stop())
  t.ok(site.clock.now() - begun <= 30_000)
  t.match(await site.manager.get({ jobId }), { state: 'active' }, 'the next start takes it up')
  await site.jobStore.stop()
})
