import { NbError, toPath } from '@nb/contracts'
import { putChain, restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { createWorld } from './world.ts'

t.test('stopping ends what runs with 803, and takes nothing new', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const { jobId } = await world.restores.submit(restoreRequest())
  await world.mediaServer.nextSession()
  await world.clock.advance(0)
  await world.restores.stop()
  t.equal((await world.noted.jobs.get({ jobId }))?.status, 803)
  t.equal(world.mediaServer.started.length, 1, 'the second group was not begun')
  await t.rejects(world.restores.submit(restoreRequest({ requestId: 'r2' })), { code: 'manager-stopping' })
  await world.restores.stop()
  t.equal(world.clock.pendingTimers, 0)
})

t.test('stopping while a session starts ends that session too', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  let stopped: Promise<void> | undefined
  world.mediaServer.onStart = () => void (stopped = world.restores.stop())
  const { jobId } = await world.restores.submit(restoreRequest())
  t.equal((await world.noted.ended(jobId)).status, 803)
  await stopped
})

t.test('stopping while a request is planned refuses it, and leaves no job', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const submitted = world.restores.submit(restoreRequest())
  const refused = t.rejects(submitted, { code: 'manager-stopping', status: 803 })
  await world.restores.stop()
  await refused
  t.equal(world.noted.registered.length, 0)
})

t.test('a client to restore to that is not known is refused before there is a job', async (t) => {
  const world = createWorld(new Set(['web1']))
  putChain(world.catalog)
  const mistyped = restoreRequest({ destinationClient: 'nope' })
  const unknown = { code: 'client-unknown', status: 48, message: /there is no client nope/ }
  await t.rejects(world.restores.submit(mistyped), unknown)
  await t.rejects(world.restores.preview(mistyped), unknown)
  t.equal(world.noted.registered.length, 0)
  const gone = createWorld(new Set())
  putChain(gone.catalog)
  await t.rejects(gone.restores.submit(restoreRequest()), { message: /name another that receives the files/ })
})

t.test('it can be started again', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  await world.restores.start()
  await world.restores.stop()
  await world.restores.start()
  const { jobId } = await world.restores.submit(restoreRequest())
  ;(await world.mediaServer.nextSession()).end(0)
  t.equal((await world.noted.ended(jobId)).status, 0)
})

t.test('who gives up waiting does not take along who asked for the same', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const abort = new AbortController()
  const first = world.restores.submit(restoreRequest(), { signal: abort.signal })
  const second = world.restores.submit(restoreRequest())
  const gone = t.rejects(first, { name: 'AbortError' })
  abort.abort()
  await gone
  t.same(await second, { jobId: '1' })
  ;(await world.mediaServer.nextSession()).end(0)
  await world.noted.ended('1')
  t.equal(world.noted.registered.length, 1)
})

t.test('a request that failed to begin can be sent again under its id', async (t) => {
  const world = createWorld()
  await t.rejects(world.restores.submit(restoreRequest()), { code: 'no-image-matches' })
  putChain(world.catalog)
  world.noted.failNext('register', new NbError('store-failed', 'the disk is gone'))
  await t.rejects(world.restores.submit(restoreRequest()), { code: 'store-failed' })
  const { jobId } = await world.restores.submit(restoreRequest())
  ;(await world.mediaServer.nextSession()).end(0)
  t.equal((await world.noted.ended(jobId)).status, 0)
})

t.test('a job that was registered and cannot be followed is not left behind', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  world.noted.failNext('get', new NbError('store-failed', 'the disk is gone'))
  await t.rejects(world.restores.submit(restoreRequest()), { code: 'store-failed' })
  t.match(await world.noted.ended('1'), { status: 220, statusText: 'the disk is gone' })
  t.equal(world.mediaServer.started.length, 0)
})

t.test('different requests run beside one another', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const one = await world.restores.submit(restoreRequest())
  const other = await world.restores.submit(restoreRequest({ requestId: 'r2', paths: [toPath('/srv/a')] }))
  t.not(one.jobId, other.jobId)
  const sessions = [await world.mediaServer.nextSession(), await world.mediaServer.nextSession()]
  for (const session of sessions.reverse()) session.end(0)
  t.equal((await world.noted.ended(one.jobId)).status, 0)
  t.equal((await world.noted.ended(other.jobId)).status, 0)
})
