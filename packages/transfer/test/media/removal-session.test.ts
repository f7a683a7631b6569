import { NbError, type SessionReport } from '@nb/contracts'
import t, { type Test } from 'tap'
import { type World, backupId, client, createWorld } from './world.ts'

/** A world whose catalog has the archive. */
async function archived(t: Test, image: object = {}): Promise<World> {
  const world = await createWorld(t.testdir())
  t.teardown(() => world.server.stop())
  world.images.set(backupId, { ...world.backupSpec().image, state: 'complete', ...image })
  return world
}

const spec = { jobId: '1', client, backupId }

t.test('the client gets the list of the image, and the job’s log tells what came of it', async (t) => {
  const world = await archived(t)
  world.agent.script = { removed: { removed: 7, kept: 1 } }
  const report = await world.report(await world.server.startRemoval(spec))
  t.match(report, { status: 3, kind: 'removal', removed: { removed: 7, kept: 1 }, waitedForFullBuffer: 0 })
  t.match(world.agent.removals, [{ jobId: '1', backupId }])
  t.equal(world.agent.removalList?.toString(), `the list of ${backupId}`)
  t.match(
    world.lines.map(({ text, severity }) => [severity, text]),
    [
      ['info', /^removal run-1 of what image web1_\d+ holds is started on client web1$/],
      ['warning', /^7 entries removed from the client, 1 kept; status 3/],
    ],
  )
  t.same(
    world.lines.flatMap(({ step }) => step ?? []),
    [],
    'it is no step of the backup flow',
  )
  t.same(world.progress, [], 'the progress of the job stays that of its backup')
  t.same(world.requests, [])
})

t.test('what is not saved for good is not removed', async (t) => {
  const images: readonly [code: string, image: object][] = [
    ['image-incomplete', { state: 'in-progress' }],
    ['image-incomplete', { state: 'expired' }],
    ['image-unknown', { client: 'web2' }],
    ['file-list-corrupt', { damaged: 'a checksum is wrong' }],
  ]
  for (const [code, image] of images) {
    const world = await archived(t, image)
    const report = await world.report(await world.server.startRemoval(spec))
    t.match(report, { status: 4, error: { code } }, code)
    t.same(world.agent.removals, [], 'the client was not asked')
  }
})

t.test('a client that cannot be reached is 4: the archive is saved', async (t) => {
  const world = await archived(t)
  world.agent.script = { unreachable: new NbError('client-unreachable', 'nobody answers') }
  t.match(await world.report(await world.server.startRemoval(spec)), {
    status: 4,
    error: { code: 'client-unreachable', retryable: true },
  })
})

t.test('a client that says nothing for five minutes is 4 too, and its run is ended', async (t) => {
  const world = await archived(t)
  world.agent.script = { silentAfter: 0 }
  const session = await world.server.startRemoval(spec)
  while (world.agent.removalList === undefined) await new Promise((resolve) => setImmediate(resolve))
  let report: SessionReport | undefined
  void world.report(session).then((one) => (report = one))
  while (report === undefined) await world.clock.advance(60_000)
  t.match(report, {
    status: 4,
    error: { code: 'client-ended', message: /gave no answer/ },
  })
  t.equal(world.agent.living, 0)
})

t.test('a stop of the media server ends a removal with 63', async (t) => {
  const world = await archived(t)
  world.agent.script = { silentAfter: 0 }
  const session = await world.server.startRemoval(spec)
  const report = world.report(session)
  await world.server.stop()
  t.match(await report, { status: 63 })
})
