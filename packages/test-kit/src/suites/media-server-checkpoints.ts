import assert from 'node:assert/strict'
import type { BackupCheckpoint } from '@nb/contracts'
import type { Check, MediaServerFixture } from './media-server-fixture.ts'
import { answerNext, backedUp, storedOn } from './media-server-sessions.ts'

/** Obligations of `MediaServer` for checkpoints. */
export function checkpointing(check: Check): void {
  check('a backup tells its checkpoints, and ends as one without', async (fixture) => {
    const { report } = await backedUp(fixture, { checkpointIntervalMs: 0 })
    assert.equal(report.status, 0, report.statusText)
    const checkpoints = checkpointsOf(fixture)
    assert.deepEqual(
      checkpoints.map(({ number }) => number),
      [1, 2],
    )
    for (const { copies, streamBytes, fileList, counts } of checkpoints) {
      const [copy] = copies
      assert.equal(
        copy?.fragments.reduce((sum, fragment) => sum + fragment.streamBytes, 0),
        streamBytes,
        'its fragments end where its stream does',
      )
      assert.ok(copy?.fragments.every(({ wholeMembers }) => wholeMembers))
      assert.deepEqual([counts.streamBytes, counts.entries], [streamBytes, fileList.entries])
      assert.deepEqual(
        report.written?.copies[0]?.fragments.slice(0, copy?.fragments.length),
        copy?.fragments,
        'they stay as they were',
      )
    }
  })
  check('a backup without checkpoints takes none', async (fixture) => {
    await backedUp(fixture)
    assert.deepEqual(checkpointsOf(fixture), [])
  })
  for (const [status, code] of [
    [157, 'job-suspended'],
    [63, 'session-killed'],
  ] as const) {
    check(
      `ended with ${status}, all before the last checkpoint stays; a new session goes on`,
      async (fixture) => {
        const { server } = fixture
        const spec = await fixture.backup('waits')
        const withCheckpoints = { ...spec, checkpointIntervalMs: 0 }
        const session = await server.startBackup(withCheckpoints)
        await answerNext(fixture)
        const last = await checkpointTaken(fixture, 2)
        await server.endSession({ ...session, status, reason: 'a test' })
        const report = await server.waitSession(session)
        assert.deepEqual([report.status, report.error?.code], [status, code])
        assert.equal(report.written, undefined)
        const kept = last.copies[0]?.fragments.length
        assert.deepEqual(
          (await storedOn(fixture)).map(({ backupId, fragments }) => [backupId, fragments]),
          [[spec.image.backupId, kept]],
        )
        const resumed = { ...withCheckpoints, resumeFrom: last }
        const second = await server.startBackup(resumed)
        assert.notEqual(second.sessionId, session.sessionId)
        assert.deepEqual(await server.startBackup(resumed), second, 'the same request is the same session')
        await answerNext(fixture)
        await server.endSession({ ...second, status: 63, reason: 'it fails too' })
        assert.equal((await storedOn(fixture))[0]?.fragments, kept)
        const third = await server.startBackup(resumed)
        assert.notEqual(third.sessionId, second.sessionId, 'a failed one is no answer')
        await answerNext(fixture)
        await server.endSession({ ...third, status: 150, reason: 'enough' })
      },
    )
  }
  check('what goes on from a checkpoint is whole in the end', async (fixture) => {
    const { server } = fixture
    const spec = { ...(await fixture.backup('works')), checkpointIntervalMs: 0 }
    const session = await server.startBackup(spec)
    await answerNext(fixture)
    const whole = await server.waitSession(session)
    for (const resumeFrom of checkpointsOf(fixture).slice(0, 2)) {
      const again = await server.startBackup({ ...spec, resumeFrom })
      await answerNext(fixture)
      const report = await server.waitSession(again)
      assert.equal(report.status, 0, report.statusText)
      assert.deepEqual(report.written?.counts, whole.written?.counts)
      assert.deepEqual(report.written?.fileList, whole.written?.fileList)
      const fragments = report.written?.copies[0]?.fragments ?? []
      assert.deepEqual(
        fragments.map(({ number }) => number),
        fragments.map((_, index) => index + 1),
      )
      const restoring = await server.startRestore(await fixture.restore(report))
      await answerNext(fixture)
      const restored = await server.waitSession(restoring)
      assert.equal(restored.status, 0, restored.statusText)
      assert.ok((restored.restored?.bytes ?? 0) > 0)
    }
  })
  check('a checkpoint whose fragments are gone, or elsewhere, ends the session with 163', async (fixture) => {
    const { server, storageUnit } = fixture
    const spec = { ...(await fixture.backup('works')), checkpointIntervalMs: 0 }
    const session = await server.startBackup(spec)
    await answerNext(fixture)
    await server.waitSession(session)
    const resumeFrom = checkpointsOf(fixture)[1] as BackupCheckpoint
    const elsewhere = resumeFrom.copies.map((copy) => ({ ...copy, storageUnit: `${storageUnit}-other` }))
    const other = await server.startBackup({ ...spec, resumeFrom: { ...resumeFrom, copies: elsewhere } })
    await answerNext(fixture)
    assert.equal((await server.waitSession(other)).status, 163)
    await server.removeImage({ storageUnit, backupId: spec.image.backupId })
    const gone = await server.startBackup({ ...spec, resumeFrom })
    await answerNext(fixture)
    assert.equal((await server.waitSession(gone)).status, 163)
  })
}

function checkpointsOf({ checkpoints }: MediaServerFixture): readonly BackupCheckpoint[] {
  if (checkpoints === undefined) throw new TypeError('the fixture does not tell checkpoints')
  return checkpoints()
}

async function checkpointTaken(fixture: MediaServerFixture, number: number): Promise<BackupCheckpoint> {
  for (let turn = 0; turn < 1_000_000; turn++) {
    const found = checkpointsOf(fixture).find((checkpoint) => checkpoint.number === number)
    if (found !== undefined) return found
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return assert.fail(`checkpoint ${number} was not taken`)
}
