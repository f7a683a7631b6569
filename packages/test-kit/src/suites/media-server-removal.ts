import assert from 'node:assert/strict'
import type { MediaServer } from '@nb/contracts'
import type { Check, ClientConduct, MediaServerFixture } from './media-server-fixture.ts'

/** The obligations of `startRemoval`. */
export function removing(check: Check): void {
  check('what an archive has saved is removed from the client, without any media', async (fixture) => {
    const { server } = fixture
    const spec = await removalOf(fixture, 'works')
    const session = await server.startRemoval(spec)
    const report = await server.waitSession(session)
    assert.deepEqual(
      [report.kind, report.jobId, report.status, report.removed],
      ['removal', spec.jobId, 0, { removed: 5, kept: 0 }],
    )
    assert.deepEqual(fixture.reports(), [report])
    assert.deepEqual(await server.startRemoval(spec), session, 'asked again, it is the same removal')
    assert.deepEqual(await server.sessions({}), [])
  })
  check('a removal that keeps something ends with 3, one that fails with 4', async (fixture) => {
    const { server } = fixture
    const keeping = await server.waitSession(await server.startRemoval(await removalOf(fixture, 'keeps')))
    assert.deepEqual([keeping.status, keeping.removed], [3, { removed: 5, kept: 2 }])
    const failing = await server.waitSession(await server.startRemoval(await removalOf(fixture, 'fails')))
    assert.deepEqual(
      [failing.status, failing.error?.code, failing.error?.status],
      [4, 'source-unreadable', 4],
    )
    const spec = await removalOf(fixture, 'works')
    const unknown = await server.waitSession(await server.startRemoval({ ...spec, backupId: 'web1_1' }))
    assert.deepEqual([unknown.status, unknown.error?.code], [4, 'image-unknown'])
  })
  check('a removal is ended early, with the status it is ended with', async (fixture) => {
    const { server } = fixture
    const spec = await removalOf(fixture, 'waits')
    const session = await server.startRemoval(spec)
    assert.deepEqual(
      (await server.sessions({})).map(({ kind, jobId }) => [kind, jobId]),
      [['removal', spec.jobId]],
    )
    await server.endSession({ ...session, status: 150, reason: 'cancelled' })
    const report = await server.waitSession(session)
    assert.deepEqual([report.status, report.error?.code], [150, 'job-cancelled'])
    assert.deepEqual(await server.sessions({}), [])
  })
}

async function removalOf(
  { removal }: MediaServerFixture,
  conduct: ClientConduct | 'keeps',
): Promise<Parameters<MediaServer['startRemoval']>[0]> {
  assert.ok(removal !== undefined, 'a server that runs removals needs archives to remove')
  return removal(conduct)
}
