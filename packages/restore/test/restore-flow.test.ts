import { NbError, restoreSteps, toPath } from '@nb/contracts'
import { placesOf, putChain, restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { createWorld } from './world.ts'

type World = ReturnType<typeof createWorld>

t.test('the steps of the restore service stand in the log in order, by its name', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const { jobId } = await world.restores.submit(restoreRequest())
  const session = await world.mediaServer.nextSession()
  session.end(0)
  await world.noted.ended(jobId)
  t.same(steps(world, jobId), [1, 2, 4, 5, 17])
  for (const { step, component } of world.noted.lines(jobId)) {
    const documented = restoreSteps.find(({ number }) => number === step?.number)
    t.equal(component, documented?.component, `step ${step?.number}`)
  }
  t.match(
    world.noted.lines(jobId)[1]?.text,
    /4 entries, 305 bytes from web1_1000 on disk1, web1_2000 on disk1; on disk/,
  )
  t.match(world.noted.lines(jobId)[2]?.text, /no plan file, the parent/)
})

t.test('lists and images of hundreds are told in a line that can be read', async (t) => {
  const world = createWorld()
  const ids = Array.from({ length: 9 }, (_, index) => `web1_${index + 1}`)
  const entries = ids.map((from) => ({ path: `/srv/${from}`, from }))
  for (const backupId of ids) world.catalog.put({ backupId, entries })
  const paths = entries.map(({ path }) => toPath(path))
  const { jobId } = await world.restores.submit(restoreRequest({ paths }))
  t.match(world.noted.lines(jobId)[0]?.text, /web1_3 and 6 more of client web1/)
  t.match(world.noted.lines(jobId)[1]?.text, /web1_3 on disk1 and 6 more; on disk/)
  ;(await world.mediaServer.nextSession()).end(0)
  await world.noted.ended(jobId)
})

t.test('several groups are one job: step 5 for each, one after another, the last one marked', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const { channels } = world
  const listened = t.capture(channels, 'listen', channels.listen.bind(channels))
  const { jobId } = await world.restores.submit(restoreRequest())
  const first = await world.mediaServer.nextSession()
  t.match(first.spec, {
    need: { kind: 'read', storageUnit: 'disk1' },
    last: false,
    restoreId: `restore-${jobId}`,
  })
  t.match(await world.noted.jobs.get({ jobId }), {
    mediaServer: 'media1',
    storageUnit: 'disk1',
    progress: { estimatedFiles: 4, estimatedBytes: 305 },
  })
  t.same(placesOf(await first.readPlan('clientPlan')), ['/ web1_1000', '/a web1_1000', '/b web1_1000'])
  t.equal(world.mediaServer.started.length, 1)
  first.end(1)
  const second = await world.mediaServer.nextSession()
  t.match(second.spec, { need: { storageUnit: 'disk2' }, last: true, restoreId: `restore-${jobId}` })
  t.same(placesOf(await second.readPlan('mediaPlan')), ['/new web1_2000'])
  second.end(0)
  t.same(
    listened()
      .map(({ args: [options] }) => options?.peer)
      .filter((peer) => peer !== undefined),
    ['media1', 'web1', 'media1', 'web1'],
    'the tickets of each plan are for the media server and the client that read it',
  )
  const job = await world.noted.ended(jobId)
  t.match(job, { status: 1, storageUnit: 'disk2' }, 'warnings of one group are warnings of the restore')
  t.same(steps(world, jobId), [1, 2, 4, 5, 5, 17])
})

t.test('a group that fails is the last', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const { jobId } = await world.restores.submit(restoreRequest())
  ;(await world.mediaServer.nextSession()).end(5)
  t.equal((await world.noted.ended(jobId)).status, 5)
  t.equal(world.mediaServer.started.length, 1)
  t.same(steps(world, jobId), [1, 2, 4, 5, 17])
})

t.test('the image that was planned is restored, though a newer one comes meanwhile', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const { jobId } = await world.restores.submit(restoreRequest())
  const session = await world.mediaServer.nextSession()
  world.catalog.put({ backupId: 'web1_3000', entries: [{ path: '/srv/later' }] })
  t.same((await session.readPlan('mediaPlan')).records.length, 4)
  session.end(0)
  t.equal((await world.noted.ended(jobId)).status, 0)
})

t.test('cancelled between two groups, no further session starts', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const { jobId } = await world.restores.submit(restoreRequest())
  const session = await world.mediaServer.nextSession()
  world.noted.cancel(jobId)
  session.end(0)
  t.match(await world.noted.ended(jobId), { status: 150, statusText: 'cancelled by an administrator' })
  t.equal(world.mediaServer.started.length, 1)
})

t.test(
  'cancelled while it runs, the session is ended by the job manager and its status is the job’s',
  async (t) => {
    const world = createWorld()
    putChain(world.catalog, 'disk2')
    const { jobId } = await world.restores.submit(restoreRequest())
    const { sessionId } = await world.mediaServer.nextSession()
    await world.clock.advance(0)
    world.noted.cancel(jobId)
    await world.mediaServer.endSession({ sessionId, status: 150, reason: 'cancelled' })
    t.equal((await world.noted.ended(jobId)).status, 150)
    t.equal(world.mediaServer.started.length, 1)
  },
)

t.test('a media server that cannot be reached is 2826, one that refuses has its own status', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  world.mediaServer.refuseNext(new NbError('server-unreachable', 'nobody answers at media1:1556'))
  const { jobId } = await world.restores.submit(restoreRequest())
  t.match(await world.noted.ended(jobId), {
    status: 2826,
    statusText: /media1 holds the data.*nobody answers/,
  })
  world.mediaServer.refuseNext(new NbError('manager-stopping', 'going down'))
  const again = await world.restores.submit(restoreRequest({ requestId: 'r2' }))
  t.equal((await world.noted.ended(again.jobId)).status, 803)
  t.equal(world.clock.pendingTimers, 0, 'the plans that were offered are closed')
})

t.test('a media server that was restarted does not know the session: 63', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const { jobId } = await world.restores.submit(restoreRequest())
  ;(await world.mediaServer.nextSession()).forget()
  t.match(await world.noted.ended(jobId), { status: 63, statusText: /does not know session s1/ })
})

t.test(
  'a media server that falls silent is waited for: it comes back with the session, or is given up',
  async (t) => {
    const begun = async () => {
      const world = createWorld()
      putChain(world.catalog)
      const network = { cut: true }
      const answering = { ...world.mediaServer }
      const unlessCut = <T>(call: () => Promise<T>): Promise<T> =>
        network.cut
          ? Promise.reject(new NbError('media-server-unreachable', 'media server media1 can’t be reached'))
          : call()
      Object.assign(world.mediaServer, {
        waitSession: (input: { readonly sessionId: string }) => unlessCut(() => answering.waitSession(input)),
        sessions: () => unlessCut(() => answering.sessions({})),
      })
      const { jobId } = await world.restores.submit(restoreRequest())
      const session = await world.mediaServer.nextSession()
      return { ...world, network, jobId, session }
    }
    const healed = await begun()
    await healed.clock.advance(120_000)
    healed.network.cut = false
    healed.session.end(0, { entries: 3, bytes: 30, skipped: 0 })
    await healed.clock.advance(10_000)
    t.equal((await healed.noted.ended(healed.jobId)).status, 0)
    const said = healed.noted.lines(healed.jobId).map(({ text }) => text)
    t.match(
      said.join('\n'),
      /media1 can’t be reached; it is waited for, at most 600 s\n.*answers again after 130 s/,
    )

    const gone = await begun()
    await gone.clock.advance(599_000)
    t.not((await gone.noted.jobs.get({ jobId: gone.jobId }))?.state, 'done')
    await gone.clock.advance(11_000)
    t.match(await gone.noted.ended(gone.jobId), { status: 2826, statusText: /media1 can’t be reached/ })

    const cancelled = await begun()
    await cancelled.clock.advance(60_000)
    cancelled.noted.cancel(cancelled.jobId)
    await cancelled.clock.advance(10_000)
    t.equal((await cancelled.noted.ended(cancelled.jobId)).status, 150)
  },
)

t.test('when the plan could not be made, its failure is the status, not the broken channel', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const { jobId } = await world.restores.submit(restoreRequest())
  const session = await world.mediaServer.nextSession()
  world.catalog.remove('web1_2000')
  await t.rejects(session.readPlan('mediaPlan'), { code: 'channel-broken' })
  session.end(23)
  t.match(await world.noted.ended(jobId), { status: 190, statusText: /no such image/ })
})

t.test('a log that cannot be written fails no restore', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  world.noted.failNext('append', new NbError('store-failed', 'the disk is gone'))
  const { jobId } = await world.restores.submit(restoreRequest())
  ;(await world.mediaServer.nextSession()).end(0)
  t.equal((await world.noted.ended(jobId)).status, 0)
})

t.test('a job that cannot be asked about has its session ended', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  world.mediaServer.onStart = () =>
    world.noted.failNext('get', new NbError('store-failed', 'the disk is gone'))
  const { jobId } = await world.restores.submit(restoreRequest())
  t.equal((await world.noted.ended(jobId)).status, 220)
  t.equal(world.clock.pendingTimers, 0)
})

function steps({ noted }: World, jobId: string): readonly (number | undefined)[] {
  return noted.lines(jobId).map(({ step }) => step?.number)
}
