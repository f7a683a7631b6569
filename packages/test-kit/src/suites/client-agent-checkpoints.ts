import assert from 'node:assert/strict'
import type { ClientAgent, NbError, ReaderCheckpoint } from '@nb/contracts'
import { decodeFileListHeader } from '@nb/formats'
import type { Check } from './client-agent-fixture.ts'
import { backup, begin, decode, takeAll, until } from './client-agent-runs.ts'

/** Obligations of `ClientAgent` for backups that take checkpoints and go on from them. */
export function checkpoints(check: Check): void {
  check('a reader stands still at each checkpoint until it is told to go on', async (fixture) => {
    const { agent } = fixture
    const opened = await begin(fixture, { checkpointIntervalMs: 0 })
    const { runId } = opened
    const taken = takeAll(opened)
    let last: ReaderCheckpoint | undefined
    let count = 0
    for await (const checkpoint of agent.checkpoints({ runId })) {
      const { counts, fileList, streamBytes } = checkpoint
      assert.ok(fileList.entries > (last?.fileList.entries ?? 0), 'the list grows')
      assert.ok(streamBytes >= (last?.streamBytes ?? 0), 'the stream does not shrink')
      assert.deepEqual([counts.entries, counts.streamBytes], [fileList.entries, streamBytes])
      await taken.until(checkpoint)
      assert.equal(taken.data().length, streamBytes, 'all of it has been sent, and nothing more')
      assert.equal(decode(taken.list()).length, fileList.entries)
      await refusesToGoOn(agent, runId, fileList.entries + 1)
      await agent.goOn({ runId, entries: fileList.entries })
      await agent.goOn({ runId, entries: fileList.entries })
      if (last !== undefined) await agent.goOn({ runId, entries: last.fileList.entries })
      last = checkpoint
      count += 1
    }
    assert.ok(count > Object.keys(fixture.tree).length, 'one after each file and directory')
    assert.equal((await agent.waitRun({ runId })).status, 0)
    await agent.goOn({ runId, entries: 1 })
  })
  check('whoever asks late is told of the checkpoint at which the reader stands', async (fixture) => {
    const { agent } = fixture
    const opened = await begin(fixture, { checkpointIntervalMs: 0 })
    const taken = takeAll(opened)
    const first = await nextCheckpoint(agent, opened.runId)
    assert.deepEqual(await nextCheckpoint(agent, opened.runId), first)
    await agent.abortRun({ runId: opened.runId, reason: 'cancelled' })
    const result = await agent.waitRun({ runId: opened.runId })
    assert.ok(result.status > 1, 'an abort ends a reader that stands still')
    await taken.ended
  })
  check('a backup goes on from a checkpoint where another run had stood', async (fixture) => {
    const whole = await backup(fixture)
    const entries = decode(whole.list).length
    for (const at of [1, Math.ceil(entries / 2)]) {
      const { checkpoint, data, list } = await until(fixture, at)
      const rest = await backup(fixture, { resumeFrom: checkpoint })
      assert.equal(rest.result.status, 0, JSON.stringify(rest.result.error))
      assert.deepEqual(rest.result.sent?.counts, whole.result.sent?.counts, 'the counts add up')
      assert.ok(Buffer.concat([data, rest.data]).equals(whole.data), 'the stream goes on')
      const both = Buffer.concat([list, withoutHeader(rest.list)])
      assert.equal(rest.result.sent?.fileList.bytes, both.length, 'the header counts once')
      assert.deepEqual(
        decode(both).map(({ path }) => path),
        decode(whole.list).map(({ path }) => path),
      )
    }
  })
  check('a position that is no reader’s is refused', async (fixture) => {
    const checkpoint = {
      streamBytes: 0,
      fileList: { bytes: 100, batches: 0, entries: 0 },
      counts: { entries: 0, storedEntries: 0, bytes: 0, streamBytes: 0, warnings: 0 },
      position: 'somewhere',
    }
    const { result } = await backup(fixture, { resumeFrom: checkpoint })
    assert.ok(result.status > 1 && result.error !== undefined)
  })
  check('checkpoints of a run nobody knows', async ({ agent }) => {
    const unknown = (error: NbError): boolean => error.code === 'session-unknown'
    await assert.rejects(nextCheckpoint(agent, 'no-such-run'), unknown)
    await assert.rejects(agent.goOn({ runId: 'no-such-run', entries: 1 }), unknown)
  })
}

async function nextCheckpoint(agent: ClientAgent, runId: string): Promise<ReaderCheckpoint> {
  for await (const checkpoint of agent.checkpoints({ runId })) return checkpoint
  return assert.fail('the run ended without a checkpoint')
}

async function refusesToGoOn(agent: ClientAgent, runId: string, entries: number): Promise<void> {
  await assert.rejects(
    agent.goOn({ runId, entries }),
    (error: NbError) => error.code === 'state-conflict',
    'a checkpoint that it has not reached',
  )
}

function withoutHeader(list: Buffer): Buffer {
  return list.subarray(decodeFileListHeader(list).byteLength)
}
