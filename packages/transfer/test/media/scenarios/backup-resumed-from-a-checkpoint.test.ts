import { writeFileSync } from 'node:fs'
import { type BackupCheckpoint, NbError, type StoredImage } from '@nb/contracts'
import t, { type Test } from 'tap'
import { freshDirectory } from '../../client/fresh-directory.ts'
import { decodeList } from '../../client/read-in-thread.ts'
import { makeSource, nextTry, readWritten, tarNames } from '../resuming.ts'
import { type World, backupId } from '../world.ts'

async function stored({ store }: World): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for await (const image of store.storedImages()) found.push(image)
  return found
}

/** Ends the session when it tells its checkpoint of this number. */
function endAt(world: World, number: number, status: number): void {
  world.noting = async (checkpoint) => {
    if (checkpoint.number !== number) return
    const [session] = await world.server.sessions({})
    if (session !== undefined) void world.server.endSession({ ...session, status, reason: 'a test' })
  }
}

t.test(
  'a backup that is suspended goes on from its last checkpoint, as if nothing had happened',
  async (t) => {
    const root = freshDirectory(t)
    const source = `${root}/source`
    makeSource(source)
    const once = await nextTry(source, root)
    const whole = await once.world.report(await once.world.server.startBackup(once.spec))
    t.equal(whole.status, 0, whole.statusText)
    t.equal(once.world.checkpoints.length, (whole.written?.counts.entries ?? 0) - 1)
    const expected = await readWritten(once.world, whole)
    await once.stop()

    let before: World | undefined
    for (const [number, status] of [
      [3, 157],
      [9, 63],
    ] as const) {
      const { world, spec, stop } = await nextTry(source, root, before === undefined ? {} : { after: before })
      endAt(world, number, status)
      const report = await world.report(await world.server.startBackup(spec))
      t.equal(report.status, status)
      const last = world.checkpoints.at(-1) as BackupCheckpoint
      t.equal(last.number, number)
      t.match(await stored(world), [{ backupId, fragments: last.copies[0]?.fragments.length }])
      await stop()
      before = world
    }
    const { world, spec, stop } = await nextTry(source, root, { after: before as World })
    const report = await world.report(await world.server.startBackup(spec))
    t.equal(report.status, 0, report.statusText)
    t.same(report.written?.counts, whole.written?.counts)
    t.same(report.written?.fileList.entries, whole.written?.fileList.entries)
    const fragments = report.written?.copies[0]?.fragments ?? []
    t.ok(
      fragments.every(({ wholeMembers }) => wholeMembers),
      'no member is split, however big it is',
    )
    t.same(
      fragments.map(({ number, streamOffset }) => [number, streamOffset]),
      fragments.map((_, index) => [
        index + 1,
        fragments.slice(0, index).reduce((sum, { streamBytes }) => sum + streamBytes, 0),
      ]),
    )
    const written = await readWritten(world, report)
    t.ok(written.stream.equals(expected.stream), 'the same archive')
    t.same(written.names, expected.names, 'the fragments carry the same list')
    t.ok(world.lists.get(backupId)?.equals(written.list), 'and the catalog has it')
    t.same(
      decodeList(written.list).records.map(({ kind, linkTarget, memberOffset }) => [
        kind,
        linkTarget,
        memberOffset,
      ]),
      decodeList(expected.list).records.map(({ kind, linkTarget, memberOffset }) => [
        kind,
        linkTarget,
        memberOffset,
      ]),
    )
    t.equal(tarNames(world, fragments).length, expected.names.length, 'tar reads each fragment alone')
    const texts = world.lines.map(({ text }) => text)
    t.ok(texts.some((text) => /^resuming from checkpoint 9: 9 files, \d+ bytes are there$/.test(text)))
    t.ok(texts.some((text) => /^checkpoint 10 at 10 files, \d+ bytes; fragment 10 ends there$/.test(text)))
    const told = texts.filter((text) =>
      /^(connect|mount|position|begin writing|end writing|waited)/.test(text),
    )
    t.match(told, [
      'connecting to client web1',
      /^connected to client web1; connect time: 0:00:00$/,
      'mounting storage unit disk1',
      /^mounted storage unit disk1; mount time: 0:00:00; /,
      /^positioning storage unit disk1 to fragment 10, byte \d+ of the stream$/,
      /^positioned storage unit disk1; position time: 0:00:00$/,
      'begin writing',
      /^end writing; write time: 0:00:00; 1\d fragments, /,
      /^waited for full buffer \d+ times?, for empty buffer \d+ times?$/,
    ])
    await stop()
  },
)

t.test('a checkpoint that the job manager can not note is left out, and told', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const { world, spec, stop } = await nextTry(source, root)
  world.noting = async ({ number }) => {
    if (number === 2) throw new NbError('server-unreachable', 'the master server restarts')
  }
  const report = await world.report(await world.server.startBackup(spec))
  t.equal(report.status, 0, report.statusText)
  t.same(
    world.checkpoints.slice(0, 3).map(({ number }) => number),
    [1, 3, 4],
  )
  const warnings = world.lines.filter(({ severity }) => severity === 'warning')
  t.match(warnings, [{ text: /^checkpoint 2 at 2 files, .*goes on without it: the master server restarts$/ }])
  await stop()
})

t.test('a checkpoint whose noting got no answer may have been noted: its fragments stay', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const first = await nextTry(source, root)
  first.world.noting = async (checkpoint) => {
    if (checkpoint.number !== 3) return
    first.world.checkpoints.push(checkpoint)
    throw new NbError('session-unknown', 'the answer is lost, and the session ends')
  }
  const report = await first.world.report(await first.world.server.startBackup(first.spec))
  t.equal(report.error?.code, 'session-unknown')
  t.match(await stored(first.world), [{ fragments: 3 }])
  await first.stop()
  const second = await nextTry(source, root, { after: first.world })
  t.equal(second.spec.resumeFrom?.number, 3)
  const resumed = await second.world.report(await second.world.server.startBackup(second.spec))
  t.equal(resumed.status, 0, resumed.statusText)
  await second.stop()
})

t.test(
  'the client agent ends while its reader stands at a checkpoint: the next one goes on from there',
  async (t) => {
    const root = freshDirectory(t)
    const source = `${root}/source`
    makeSource(source)
    const first = await nextTry(source, root)
    let stopped: Promise<void> | undefined
    first.world.noting = async ({ number }) => {
      if (number === 6) stopped = first.agent.stop()
    }
    const report = await first.world.report(await first.world.server.startBackup(first.spec))
    t.ok(report.status > 1, report.statusText)
    await stopped
    t.equal(first.world.checkpoints.at(-1)?.number, 6)
    t.match(await stored(first.world), [{ fragments: 6 }])
    await first.stop()
    const second = await nextTry(source, root, { after: first.world })
    const resumed = await second.world.report(await second.world.server.startBackup(second.spec))
    t.equal(resumed.status, 0, resumed.statusText)
    t.match(second.world.checkpoints[6], { number: 7 })
    await second.stop()
  },
)

t.test('a list that can not be made durable ends the backup at the checkpoint before', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const { world, spec, stop } = await nextTry(source, root)
  world.syncing = async ({ entries }) => {
    if (entries === 5) throw new NbError('disk-full', 'no room for the list')
  }
  const report = await world.report(await world.server.startBackup(spec))
  t.equal(report.status, 155)
  t.equal(world.checkpoints.at(-1)?.number, 4)
  t.match(await stored(world), [{ fragments: 4 }])
  await stop()
})

t.test('a checkpoint may take longer than a client may be silent', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const { world, spec, stop } = await nextTry(source, root, { clientTimeoutMs: 60_000 })
  world.noting = async ({ number }) => {
    if (number === 2) await world.clock.advance(600_000)
  }
  const report = await world.report(await world.server.startBackup(spec))
  t.equal(report.status, 0, report.statusText)
  await stop()
})

t.test('a checkpoint that is of no use is told with 163, and the image stays as it was', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const first = await nextTry(source, root)
  endAt(first.world, 4, 157)
  await first.world.report(await first.world.server.startBackup(first.spec))
  await first.stop()
  const damaged = `${first.world.directory}/web1/${backupId}/1-000002.nbf`
  const attempt = async (t: Test, change: Partial<BackupCheckpoint>): Promise<string | undefined> => {
    const { world, spec, stop } = await nextTry(source, root, { after: first.world })
    const resumeFrom = { ...(spec.resumeFrom as BackupCheckpoint), ...change }
    const report = await world.report(await world.server.startBackup({ ...spec, resumeFrom }))
    t.equal(report.status, 163, report.statusText)
    t.match(await stored(world), [{ fragments: 4 }])
    await stop()
    return report.error?.code
  }
  t.equal(await attempt(t, { position: 'nb-position/9:abc' }), 'version-unsupported')
  t.equal(await attempt(t, { position: 'nb-position/1:abc' }), 'argument-invalid')
  t.equal(await attempt(t, { streamBytes: 512 }), 'image-inconsistent')
  writeFileSync(damaged, 'not what was written')
  t.equal(await attempt(t, {}), 'fragment-corrupt')
})
