import assert from 'node:assert/strict'
import { pathToBytes, type RunResult, toPath } from '@nb/contracts'
import { FileListEncoder, type FileRecord } from '@nb/formats'
import type { Check, ClientAgentFixture } from './client-agent-fixture.ts'
import { backup, decode, serve, sorted } from './client-agent-runs.ts'

/** Obligations of `ClientAgent` for the removal of what an archive has saved. */
export function removals(check: Check): void {
  check('a removal takes off what is as the list says, and keeps the rest', async (fixture) => {
    const list = await archivedList(fixture)
    const changed = pathToBytes(toPath(`${fixture.source}/a`))
    const { result } = await remove(
      fixture,
      list.map((record) =>
        record.path.equals(changed) ? { ...record, mtimeNs: record.mtimeNs - 1n } : record,
      ),
    )
    assert.deepEqual([result.status, result.removed], [1, { removed: 5, kept: 2 }])
    assert.deepEqual(Object.keys(await fixture.filesIn(fixture.source)), ['a'])
  })
  check(
    'what has been removed is gone, its directories too; again there is nothing to do',
    async (fixture) => {
      const list = await archivedList(fixture)
      const entries = Object.keys(fixture.tree).length
      const first = await remove(fixture, list)
      assert.equal(first.result.status, 0, JSON.stringify(first.result.error))
      assert.equal(first.result.removed?.kept, 0)
      assert.ok((first.result.removed?.removed ?? 0) > entries)
      assert.deepEqual((await remove(fixture, list)).result.removed, { removed: 0, kept: 0 })
    },
  )
  check('a list that is damaged, and one of another image, remove nothing', async (fixture) => {
    const list = await archivedList(fixture)
    const bytes = encode(list, 'web1_2')
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    for (const wrong of [bytes, encode(list, 'web1_5')]) {
      const { result } = await removeBy(fixture, wrong)
      assert.deepEqual([result.status, result.error?.code], [229, 'file-list-corrupt'])
    }
    assert.deepEqual(sorted(await fixture.filesIn(fixture.source)), sorted(fixture.tree))
  })
  check('a removal that is aborted ends, and nothing it had not come to is gone', async (fixture) => {
    const { agent, channels, source, tree } = fixture
    const listener = await channels.listen()
    const { runId } = await agent.startRemoval({ jobId: '3', backupId: 'web1_2', list: listener.ticket })
    await agent.abortRun({ runId, reason: 'cancelled' })
    const result = await agent.waitRun({ runId })
    assert.equal(result.status, 63)
    assert.deepEqual(sorted(await fixture.filesIn(source)), sorted(tree))
    await listener.close()
  })
}

/** The list of a second backup: what was made in the very moment of the first is not sure to have been saved. */
async function archivedList(fixture: ClientAgentFixture): Promise<readonly FileRecord[]> {
  await backup(fixture)
  return decode((await backup(fixture, { backupId: 'web1_2' })).list)
}

function encode(records: readonly FileRecord[], backupId: string): Buffer {
  const encoder = new FileListEncoder({ images: [backupId] })
  const batches = records.map((record) => encoder.add(record)).filter((batch) => batch !== undefined)
  return Buffer.concat([encoder.header(), ...batches, encoder.flush() ?? Buffer.alloc(0)])
}

function remove(
  fixture: ClientAgentFixture,
  records: readonly FileRecord[],
): Promise<{ readonly result: RunResult }> {
  return removeBy(fixture, encode(records, 'web1_2'))
}

async function removeBy(
  { agent, channels }: ClientAgentFixture,
  list: Buffer,
): Promise<{ readonly result: RunResult }> {
  const ticket = await serve(channels, list)
  const { runId } = await agent.startRemoval({ jobId: '3', backupId: 'web1_2', list: ticket })
  return { result: await agent.waitRun({ runId }) }
}
