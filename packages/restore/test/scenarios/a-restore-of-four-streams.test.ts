import { toPath } from '@nb/contracts'
import { placesOf, restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { createWorld } from '../world.ts'

const streamSet = ['/', '/home', '/srv', '/var']

function fourStreams(): ReturnType<typeof createWorld> {
  const world = createWorld()
  for (const [index, stream] of streamSet.entries()) {
    const directory = stream === '/' ? '/etc' : stream
    world.catalog.put({
      backupId: `web1_${1000 + index}`,
      // Three of them lie on one storage unit.
      storageUnit: stream === '/srv' ? 'disk2' : 'disk1',
      stream,
      streamSet,
      entries: [
        { path: directory, kind: 'directory' },
        { path: `${directory}/file`, sizeBytes: 10 ** index },
      ],
    })
  }
  return world
}

t.test(
  'a client of four streams is restored whole by one job with a session for each storage unit',
  async (t) => {
    const world = fourStreams()
    const request = restoreRequest({ paths: [toPath('/')], target: { kind: 'original' } })
    const preview = await world.restores.preview(request)
    t.match(preview, { backupId: 'web1_1003', entries: 8, bytes: 1111 })
    const { jobId } = await world.restores.submit(request)
    const first = await world.mediaServer.nextSession()
    t.same(
      first.spec.images.map(({ backupId }) => backupId),
      ['web1_1000', 'web1_1001', 'web1_1003'],
    )
    t.equal(first.spec.last, false, 'directories get their times when all groups are there')
    t.equal((await first.readPlan('clientPlan')).records.length, 6)
    first.end(0)
    const second = await world.mediaServer.nextSession()
    t.same(placesOf(await second.readPlan('mediaPlan')), ['/srv web1_1002', '/srv/file web1_1002'])
    t.equal(second.spec.last, true)
    second.end(1)
    t.equal((await world.noted.ended(jobId)).status, 1)
    t.match(
      world.noted.lines(jobId)[1]?.text,
      /^images web1_1003, web1_1002, web1_1001 and 1 more: 8 entries/,
    )
  },
)

t.test('files of one stream are restored from its image alone', async (t) => {
  const world = fourStreams()
  const { jobId } = await world.restores.submit(
    restoreRequest({ paths: [toPath('/srv/file')], target: { kind: 'original' } }),
  )
  const session = await world.mediaServer.nextSession()
  t.same([session.spec.images.length, session.spec.last], [1, true])
  t.match(world.noted.registered[0], { backupId: 'web1_1002' })
  session.end(0)
  t.equal((await world.noted.ended(jobId)).status, 0)
})

t.test('a path that no stream holds is refused before there is a job', async (t) => {
  const world = fourStreams()
  await t.rejects(world.restores.submit(restoreRequest({ paths: [toPath('/opt')] })), {
    code: 'path-not-backed-up',
  })
  t.equal(world.noted.registered.length, 0)
})

t.test('a data image of one stream that is gone names the stream’s image that needs it', async (t) => {
  const world = fourStreams()
  world.catalog.put({
    backupId: 'web1_2000',
    stream: '/var',
    streamSet,
    entries: [{ path: '/var/file', from: 'web1_1003' }],
  })
  world.catalog.remove('web1_1003')
  await t.rejects(
    world.restores.preview(restoreRequest({ paths: [toPath('/')], target: { kind: 'original' } })),
    { code: 'fragment-missing', details: { backupId: 'web1_2000', needed: 'web1_1003' } },
  )
})
