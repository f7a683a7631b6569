import assert from 'node:assert/strict'
import { isAbortError } from '@nb/contracts'
import type { Check } from './media-server-fixture.ts'
import { answerNext, backedUp, grant, nothingIsLeft, rejects, storedOn } from './media-server-sessions.ts'

/** Obligations of `MediaServer` for sessions that go well. */
export function working(check: Check): void {
  check('a backup ends by itself, with everything durable and one report', async (fixture) => {
    const { spec, report } = await backedUp(fixture)
    assert.equal(report.status, 0, report.statusText)
    assert.equal(report.jobId, spec.jobId)
    assert.ok((report.written?.counts.streamBytes ?? 0) > 0)
    const [copy] = report.written?.copies ?? []
    const length = copy?.fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
    assert.equal(length, report.written?.counts.streamBytes)
    assert.deepEqual(fixture.reports(), [report])
    assert.deepEqual(await fixture.server.sessions({}), [])
    const [stored] = await storedOn(fixture)
    assert.deepEqual(
      [stored?.backupId, stored?.copy, stored?.fragments],
      [spec.image.backupId, copy?.copy, copy?.fragments.length],
    )
  })
  check('the same request starts one session, also after it has ended', async (fixture) => {
    const spec = await fixture.backup('works')
    const session = await fixture.server.startBackup(spec)
    assert.deepEqual(await fixture.server.startBackup(spec), session)
    await answerNext(fixture)
    await fixture.server.waitSession(session)
    assert.deepEqual(await fixture.server.startBackup(spec), session)
    assert.equal(fixture.reports().length, 1)
  })
  check('a restore gives back what a backup has written', async (fixture) => {
    const { report } = await backedUp(fixture)
    const spec = await fixture.restore(report)
    const session = await fixture.server.startRestore(spec)
    assert.deepEqual(await fixture.server.startRestore(spec), session)
    const request = await answerNext(fixture)
    assert.equal(request.need.kind, 'read')
    const restored = await fixture.server.waitSession(session)
    assert.equal(restored.status, 0, restored.statusText)
    assert.equal(restored.kind, 'restore')
    assert.ok((restored.restored?.bytes ?? 0) > 0)
    assert.deepEqual(fixture.reports(), [report, restored])
  })
  check('living sessions are told', async (fixture) => {
    const spec = await fixture.backup('works')
    const { sessionId } = await fixture.server.startBackup(spec)
    const request = await fixture.nextRequest()
    const living = await fixture.server.sessions({})
    assert.deepEqual(
      living.map((info) => [info.sessionId, info.jobId, info.kind]),
      [[sessionId, spec.jobId, 'backup']],
    )
    await grant(fixture, request)
    await fixture.server.waitSession({ sessionId })
    assert.deepEqual(await fixture.server.sessions({}), [])
  })
  check('waiting can be given up without ending the session', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const giveUp = new AbortController()
    const waiting = assert.rejects(
      fixture.server.waitSession(session, { signal: giveUp.signal }),
      isAbortError,
    )
    giveUp.abort()
    await waiting
    await grant(fixture, request)
    assert.equal((await fixture.server.waitSession(session)).status, 0)
  })
}

/** Obligations of `MediaServer` for its requests for media. */
export function media(check: Check): void {
  check('a session asks for its medium and says for whom', async (fixture) => {
    const spec = await fixture.backup('works')
    const { sessionId } = await fixture.server.startBackup(spec)
    const request = await fixture.nextRequest()
    assert.deepEqual([request.sessionId, request.jobId, request.need], [sessionId, spec.jobId, spec.need])
    await grant(fixture, request)
    await grant(fixture, request)
    assert.equal((await fixture.server.waitSession({ sessionId })).status, 0)
  })
  check('a medium that is denied ends the session with the status given', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const answer = { granted: false, status: 2001, text: 'no drive is free' } as const
    await fixture.server.grantMedia({ ...session, requestId: request.requestId, answer })
    const report = await fixture.server.waitSession(session)
    assert.equal(report.status, 2001)
    assert.equal(report.error?.status, 2001)
    assert.equal(report.written, undefined)
    await nothingIsLeft(fixture, report)
  })
  check('a grant for a session that is not there is refused', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const input = { sessionId: 'never-was', requestId: request.requestId, answer: fixture.grantOf(request) }
    await rejects(fixture.server.grantMedia(input), 'session-unknown')
    await grant(fixture, request)
    await fixture.server.waitSession(session)
    await rejects(fixture.server.grantMedia({ ...input, ...session }), 'session-unknown')
  })
}

/** Obligations of `MediaServer` for sessions that are ended, or fail. */
export function ending(check: Check): void {
  check('a client that fails ends the session with its own error', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('fails'))
    // It may fail before the medium is asked for, or after.
    void answerNext(fixture).catch(() => undefined)
    const report = await fixture.server.waitSession(session)
    assert.equal(report.status, 2, report.statusText)
    assert.equal(report.error?.code, 'source-unreadable')
    await nothingIsLeft(fixture, report)
  })
  for (const moment of ['while it waits for its medium', 'while the client is at work'] as const) {
    check(`a session is ended early ${moment}, once`, async (fixture) => {
      const session = await fixture.server.startBackup(await fixture.backup('waits'))
      const request = await fixture.nextRequest()
      if (moment === 'while the client is at work') await grant(fixture, request)
      const end = { ...session, status: 150, reason: 'cancelled' }
      await Promise.all([fixture.server.endSession(end), fixture.server.endSession(end)])
      assert.deepEqual(await fixture.server.sessions({}), [])
      const report = await fixture.server.waitSession(session)
      assert.equal(report.status, 150)
      await fixture.server.endSession({ ...end, status: 63 })
      assert.deepEqual(await fixture.server.waitSession(session), report)
      await nothingIsLeft(fixture, report)
    })
  }
  check('a session that never was has no report', async ({ server }) => {
    await rejects(server.waitSession({ sessionId: 'never-was' }), 'session-unknown')
  })
}
