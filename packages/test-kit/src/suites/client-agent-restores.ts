import assert from 'node:assert/strict'
import {
  type ChannelListener,
  type ExtractTarget,
  type Path,
  pathToBytes,
  type RestoreRunSpec,
  type RunResult,
  toPath,
} from '@nb/contracts'
import { comparePaths, FileListEncoder, type FileRecord } from '@nb/formats'
import type { Check, ClientAgentFixture } from './client-agent-fixture.ts'
import { backup, decode, send, serve, sorted } from './client-agent-runs.ts'

/** Obligations of `ClientAgent` for restores. */
export function restores(check: Check): void {
  check('a restore brings back what was saved', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const result = await restore(fixture, toPath(`${ground}/new`), saved.plan, saved.data)
    assert.equal(result.status, 0, JSON.stringify(result.error))
    assert.equal(result.restored?.entries, saved.plan.length)
    assert.deepEqual(sorted(await fixture.filesIn(toPath(`${ground}/new`))), sorted(fixture.tree))
  })
  check('several groups of one restore give one tree', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const middle = Math.floor(saved.plan.length / 2)
    const groups = [saved.plan.slice(middle), saved.plan.slice(0, middle)]
    for (const [index, plan] of groups.entries()) {
      const { status } = await restore(fixture, ground, plan, saved.data, { last: index === 1 })
      assert.equal(status, 0)
    }
    assert.deepEqual(sorted(await fixture.filesIn(ground)), sorted(fixture.tree))
  })
  check('fail: what exists ends the restore with 5 before anything is written', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const [one] = Object.keys(fixture.tree).sort().slice(-1)
    const only = saved.plan.filter((record) => record.path.equals(Buffer.from(`/${one ?? ''}`)))
    assert.equal((await restore(fixture, ground, only, saved.data)).status, 0)
    const before = await fixture.filesIn(ground)
    const result = await restore(fixture, ground, saved.plan, saved.data)
    assert.deepEqual([result.status, result.error?.code], [5, 'target-exists'])
    assert.deepEqual(await fixture.filesIn(ground), before)
    const skipping = await restore(fixture, ground, saved.plan, saved.data, { ifExists: 'skip' })
    assert.equal(skipping.status, 0)
    assert.ok((skipping.restored?.skipped ?? 0) >= 1)
    assert.deepEqual(sorted(await fixture.filesIn(ground)), sorted(fixture.tree))
  })
  check('an aborted restore leaves no half-written file', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const opened = await beginRestore(fixture, ground, saved.plan)
    const data = await opened.data.accept()
    const bytes = ranges(saved.plan, saved.data)
    const biggest = saved.plan.reduce((a, b) => (b.memberBytes > a.memberBytes ? b : a))
    const cut =
      bytes.indexOf(saved.data.subarray(biggest.memberOffset, biggest.memberOffset + 512)) + 2_000_000
    await send(data, bytes.subarray(0, cut))
    await fixture.agent.abortRun({ runId: opened.runId, reason: 'cancelled' })
    const result = await fixture.agent.waitRun({ runId: opened.runId })
    assert.ok(result.status > 1)
    for (const [name, content] of Object.entries(await fixture.filesIn(ground))) {
      assert.deepEqual(Buffer.from(content), Buffer.from(fixture.tree[name] ?? []), name)
    }
  })
  check('data that ends too early is an error', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const opened = await beginRestore(fixture, ground, saved.plan)
    const data = await opened.data.accept()
    const bytes = ranges(saved.plan, saved.data)
    await send(data, bytes.subarray(0, bytes.length - 5000)).catch(() => undefined)
    await data.end().catch(() => undefined)
    const result = await fixture.agent.waitRun({ runId: opened.runId })
    assert.ok(result.status > 1 && result.error !== undefined)
  })
  check('nothing is written outside the target, whatever the plan says', async (fixture) => {
    const saved = await saveAll(fixture)
    const ground = await fixture.makeGround()
    const files = saved.plan.filter((record) => record.kind === 'file').slice(0, 3)
    const paths = ['/../outside', '/a/../../outside', '/inside']
    const plan = files.map((record, i) => ({ ...record, path: Buffer.from(paths[i] ?? '/x') }))
    await restore(fixture, toPath(`${ground}/target`), plan, saved.data)
    const found = Object.keys(await fixture.filesIn(ground))
    assert.ok(
      found.every((name) => name.startsWith('target/')),
      found.join(', '),
    )
  })
}

/** A full backup, and the plan that restores it all. */
async function saveAll(
  fixture: ClientAgentFixture,
): Promise<{ readonly plan: FileRecord[]; readonly data: Buffer }> {
  const { data, list } = await backup(fixture)
  const strip = pathToBytes(fixture.source).length
  const plan = decode(list).map((record) => {
    const rest = record.path.subarray(strip)
    return { ...record, path: rest.length === 0 ? Buffer.from('/') : rest }
  })
  return { plan, data }
}

async function beginRestore(
  fixture: ClientAgentFixture,
  root: Path,
  plan: readonly FileRecord[],
  choice: { readonly last?: boolean; readonly ifExists?: ExtractTarget['ifExists'] } = {},
): Promise<{ readonly runId: string; readonly data: ChannelListener }> {
  const { channels, agent } = fixture
  const data = await channels.listen()
  const spec: RestoreRunSpec = {
    jobId: '2',
    restoreId: 'restore-1',
    target: { root, ifExists: choice.ifExists ?? 'fail' },
    last: choice.last ?? true,
    plan: await serve(channels, encodePlan(plan)),
    data: data.ticket,
  }
  return { ...(await agent.startRestore(spec)), data }
}

async function restore(
  fixture: ClientAgentFixture,
  root: Path,
  plan: readonly FileRecord[],
  archive: Buffer,
  choice?: { readonly last?: boolean; readonly ifExists?: ExtractTarget['ifExists'] },
): Promise<RunResult> {
  const opened = await beginRestore(fixture, root, plan, choice)
  // An extractor that refuses breaks the channel under the sender; its result tells why.
  const sending = opened.data.accept().then(async (channel) => {
    await send(channel, ranges(plan, archive))
    await channel.end()
  })
  await sending.catch(() => undefined)
  return fixture.agent.waitRun({ runId: opened.runId })
}

function encodePlan(plan: readonly FileRecord[]): Buffer {
  const encoder = new FileListEncoder({ images: ['web1_1'] })
  const parts = [encoder.header()]
  for (const record of [...plan].sort((a, b) => comparePaths(a.path, b.path))) {
    parts.push(encoder.add(record) ?? Buffer.alloc(0))
  }
  return Buffer.concat([...parts, encoder.flush() ?? Buffer.alloc(0)])
}

/** The members of a plan, each framed as a restore's data channel has them: `nbRF`, image 0, offset, length. */
function ranges(plan: readonly FileRecord[], archive: Buffer): Buffer {
  const members = new Map(plan.map((record) => [record.memberOffset, record.memberBytes]))
  const parts = [...members]
    .sort(([a], [b]) => a - b)
    .flatMap(([offset, bytes]) => {
      const frame = Buffer.alloc(24)
      frame.write('nbRF', 0, 'latin1')
      frame.writeBigUInt64LE(BigInt(offset), 8)
      frame.writeBigUInt64LE(BigInt(bytes), 16)
      return [frame, archive.subarray(offset, offset + bytes)]
    })
  return Buffer.concat(parts)
}
