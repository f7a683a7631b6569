import assert from 'node:assert/strict'
import { isAbortError, type NbError, toPath } from '@nb/contracts'
import { comparePaths, type FileRecord } from '@nb/formats'
import type { Check } from './client-agent-fixture.ts'
import { backup, begin, collect, contentsBelow, decode, prepare, sorted } from './client-agent-runs.ts'

/** Obligations of `ClientAgent` for backups. */
export function backups(check: Check): void {
  check('a backup sends the tree and says truly what it sent', async (fixture) => {
    const { result, data, list } = await backup(fixture)
    assert.equal(result.status, 0, JSON.stringify(result.error))
    assert.equal(result.sent?.counts.streamBytes, data.length)
    assert.equal(result.sent?.fileList.bytes, list.length)
    const records = decode(list)
    assert.equal(result.sent?.fileList.entries, records.length)
    assert.equal(result.sent?.counts.entries, records.length)
    records
      .slice(1)
      .forEach((record, i) => assert.ok(comparePaths((records[i] as FileRecord).path, record.path) < 0))
    assert.deepEqual(contentsBelow(data, fixture.source), sorted(fixture.tree))
  })
  check('an incremental of an unchanged tree lists all of it and stores nothing', async (fixture) => {
    const first = await backup(fixture)
    // What was made in the very moment of a backup, some milliseconds before, may be stored once more by the next.
    let before = { backupId: 'web1_1', list: first.list }
    let last = first
    for (let number = 2; number < 100; number++) {
      const backupId = `web1_${number}`
      last = await backup(fixture, { backupId, reference: before })
      if (last.result.sent?.counts.storedEntries === 0) break
      before = { backupId, list: last.list }
    }
    assert.equal(last.result.sent?.counts.storedEntries, 0)
    assert.equal(last.data.length, 0)
    assert.equal(decode(last.list).length, decode(first.list).length)
  })
  check('selections of which none exists end with 71', async (fixture) => {
    const { result } = await backup(fixture, { roots: [toPath(`${fixture.source}/not-there`)] })
    assert.deepEqual([result.status, result.error?.code], [71, 'source-missing'])
  })
  check('a selection that is missing beside one that exists is a warning', async (fixture) => {
    const { result } = await backup(fixture, {
      roots: [fixture.source, toPath(`${fixture.source}-not-there`)],
    })
    assert.deepEqual([result.status, result.warnings], [1, 1])
  })
  check('progress ends with the run and never runs backward', async (fixture) => {
    const { result } = await backup(fixture)
    let files = 0
    let count = 0
    for await (const progress of fixture.agent.progress({ runId: result.runId })) {
      assert.ok(progress.files >= files)
      files = progress.files
      count += 1
    }
    assert.ok(count > 0)
    assert.equal(files, Object.keys(fixture.tree).length)
  })
}

/** Obligations of `ClientAgent` for runs that are ended, and for peers that go away. */
export function endings(check: Check): void {
  check('a run whose channel breaks ends by itself with one result', async (fixture) => {
    const opened = await begin(fixture)
    const channel = await opened.data.accept()
    await channel.read()
    channel.abort('the medium is gone')
    const result = await fixture.agent.waitRun({ runId: opened.runId })
    assert.ok(result.status > 1 && result.error !== undefined)
    assert.deepEqual(await fixture.agent.waitRun({ runId: opened.runId }), result, 'the result stays')
    await opened.metadata.close()
  })
  check('a run that fails breaks its channels with the reason', async (fixture) => {
    const opened = await begin(fixture, { roots: [toPath(`${fixture.source}/not-there`)] })
    const channel = await opened.data.accept()
    await assert.rejects(collect(channel), (error: NbError) => error.code === 'channel-broken')
    await opened.metadata.close()
  })
  check('a void ticket is an error of the run, or of its start', async (fixture) => {
    const { data, metadata, spec } = await prepare(fixture)
    await data.close()
    const outcome = await fixture.agent.startBackup(spec).then(
      ({ runId }) => fixture.agent.waitRun({ runId }).then((result) => result.error?.code),
      (error: NbError) => error.code,
    )
    assert.equal(outcome, 'ticket-invalid')
    await metadata.close()
  })
  check('an aborted run ends with an error, and aborting again does nothing', async (fixture) => {
    const opened = await begin(fixture)
    await (await opened.data.accept()).read()
    await fixture.agent.abortRun({ runId: opened.runId, reason: 'cancelled' })
    const result = await fixture.agent.waitRun({ runId: opened.runId })
    assert.ok(result.status > 1 && result.error !== undefined)
    await fixture.agent.abortRun({ runId: opened.runId, reason: 'cancelled' })
    assert.deepEqual(await fixture.agent.waitRun({ runId: opened.runId }), result)
    await opened.metadata.close()
  })
  check('a run nobody knows', async ({ agent }) => {
    const unknown = { runId: 'no-such-run' }
    await assert.rejects(agent.waitRun(unknown), (error: NbError) => error.code === 'session-unknown')
    await assert.rejects(
      async () => {
        for await (const _ of agent.progress(unknown)) assert.fail('no progress')
      },
      (error: NbError) => error.code === 'session-unknown',
    )
    await agent.abortRun({ ...unknown, reason: 'x' })
  })
  check('giving up to wait leaves the run alone', async (fixture) => {
    const opened = await begin(fixture)
    const giveUp = new AbortController()
    const waiting = fixture.agent.waitRun({ runId: opened.runId }, { signal: giveUp.signal })
    giveUp.abort()
    await assert.rejects(waiting, isAbortError)
    const [data, metadata] = await Promise.all([opened.data.accept(), opened.metadata.accept()])
    await Promise.all([collect(data), collect(metadata)])
    assert.equal((await fixture.agent.waitRun({ runId: opened.runId })).status, 0)
  })
}
