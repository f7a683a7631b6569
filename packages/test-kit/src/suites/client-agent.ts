import assert from 'node:assert/strict'
import {
  type BackupRunSpec,
  type ChannelListener,
  type ClientAgent,
  type DataChannel,
  type DataChannels,
  type ExtractTarget,
  type LocalFileSystem,
  type NbError,
  type Path,
  type ReaderCheckpoint,
  type RestoreRunSpec,
  type RunResult,
  isAbortError,
  pathFromBytes,
  pathToBytes,
  readChannel,
  toPath,
} from '@nb/contracts'
import {
  ArchiveParser,
  FileListDecoder,
  FileListEncoder,
  type FileRecord,
  comparePaths,
  decodeFileListHeader,
} from '@nb/formats'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/** What the suite of `ClientAgent` works on: an agent, and a host with one tree of files. */
export interface ClientAgentFixture {
  readonly agent: ClientAgent
  /** The channels that the agent's tickets are of. */
  readonly channels: DataChannels
  /** Directory with {@link tree} in it and nothing else, on the agent's host. */
  readonly source: Path
  /** Files by path below {@link source}, with `/` between names; one of them holds at least 4 MiB. */
  readonly tree: Readonly<Record<string, Uint8Array>>
  /** A directory of its own in which the suite may restore below; it is there and empty. */
  readonly makeGround: () => Promise<Path>
  /** All files below a directory of the agent's host. */
  readonly filesIn: (directory: Path) => Promise<Readonly<Record<string, Uint8Array>>>
}

type Check = (name: string, body: (fixture: ClientAgentFixture) => Promise<void>) => void

/** The obligations of `ClientAgent`. */
export function clientAgentSuite(context: SuiteContext, setup: SuiteSetup<ClientAgentFixture>): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  backups(check)
  checkpoints(check)
  endings(check)
  restores(check)
  removals(check)
  hosts(check)
}

function backups(check: Check): void {
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

function checkpoints(check: Check): void {
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

function endings(check: Check): void {
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

function restores(check: Check): void {
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

function removals(check: Check): void {
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

function hosts(check: Check): void {
  check(
    'the local file systems come sorted by mount point, or it says that it can not tell',
    async ({ agent }) => {
      let found: readonly LocalFileSystem[]
      try {
        found = await agent.fileSystems({})
      } catch (error) {
        assert.equal((error as NbError).code, 'not-supported')
        return
      }
      const points = found.map(({ mountPoint }) => pathToBytes(mountPoint))
      assert.deepEqual(points, [...points].sort(comparePaths))
      for (const { mountPoint, type } of found)
        assert.ok(mountPoint.startsWith('/') && type !== '', mountPoint)
    },
  )
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

interface BackupChoice {
  readonly checkpointIntervalMs?: number
  readonly resumeFrom?: ReaderCheckpoint
  readonly roots?: readonly Path[]
  readonly backupId?: string
  readonly reference?: { readonly backupId: string; readonly list: Buffer }
}

interface Opened {
  readonly runId: string
  readonly data: ChannelListener
  readonly metadata: ChannelListener
}

async function prepare(
  { channels, source }: ClientAgentFixture,
  choice: BackupChoice = {},
): Promise<{ data: ChannelListener; metadata: ChannelListener; spec: BackupRunSpec }> {
  const data = await channels.listen()
  const metadata = await channels.listen()
  const { roots = [source], backupId = 'web1_1', reference, checkpointIntervalMs, resumeFrom } = choice
  const spec: BackupRunSpec = {
    jobId: '1',
    backupId,
    names: {
      policy: 'nightly',
      schedule: 'daily',
      scheduleType: reference === undefined ? 'full' : 'differential',
    },
    walk: { roots, exclude: [], include: [], crossMountPoints: false },
    data: data.ticket,
    metadata: metadata.ticket,
    ...(checkpointIntervalMs === undefined ? {} : { checkpointIntervalMs }),
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
    ...(reference === undefined
      ? {}
      : { reference: { backupId: reference.backupId, ticket: await serve(channels, reference.list) } }),
  }
  return { data, metadata, spec }
}

async function begin(fixture: ClientAgentFixture, choice?: BackupChoice): Promise<Opened> {
  const { data, metadata, spec } = await prepare(fixture, choice)
  return { ...(await fixture.agent.startBackup(spec)), data, metadata }
}

async function backup(
  fixture: ClientAgentFixture,
  choice?: BackupChoice,
): Promise<{ readonly result: RunResult; readonly data: Buffer; readonly list: Buffer }> {
  const opened = await begin(fixture, choice)
  const taken = [opened.data, opened.metadata].map(async (listener) => collect(await listener.accept()))
  const [data, list] = await Promise.all(taken.map((bytes) => bytes.catch(() => Buffer.alloc(0))))
  const result = await fixture.agent.waitRun({ runId: opened.runId })
  return { result, data: data ?? Buffer.alloc(0), list: list ?? Buffer.alloc(0) }
}

/** What comes over the channels of a run, from the moment it is looked at. */
function takeAll(opened: Opened): {
  readonly data: () => Buffer
  readonly list: () => Buffer
  readonly until: (checkpoint: ReaderCheckpoint) => Promise<void>
  readonly ended: Promise<unknown>
} {
  const parts: { readonly data: Buffer[]; readonly list: Buffer[] } = { data: [], list: [] }
  let wake: () => void = () => undefined
  const take = async (listener: ChannelListener, into: Buffer[]): Promise<void> => {
    const channel = await listener.accept()
    for await (const chunk of readChannel(channel)) {
      into.push(Buffer.from(chunk))
      wake()
    }
    await channel.end()
  }
  const ended = Promise.allSettled([take(opened.data, parts.data), take(opened.metadata, parts.list)])
  const data = (): Buffer => Buffer.concat(parts.data)
  const list = (): Buffer => Buffer.concat(parts.list)
  const until = async ({ streamBytes, fileList }: ReaderCheckpoint): Promise<void> => {
    while (data().length < streamBytes || list().length < fileList.bytes)
      await new Promise<void>((resolve) => (wake = resolve))
  }
  return { data, list, until, ended }
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

/** A backup that is ended at its checkpoint of this number, and what it had sent. */
async function until(
  fixture: ClientAgentFixture,
  number: number,
): Promise<{ readonly checkpoint: ReaderCheckpoint; readonly data: Buffer; readonly list: Buffer }> {
  const { agent } = fixture
  const opened = await begin(fixture, { checkpointIntervalMs: 0 })
  const { runId } = opened
  const taken = takeAll(opened)
  let count = 0
  for await (const checkpoint of agent.checkpoints({ runId })) {
    await taken.until(checkpoint)
    if (++count === number) {
      await agent.abortRun({ runId, reason: 'broken off' })
      await taken.ended
      return { checkpoint, data: taken.data(), list: taken.list() }
    }
    await agent.goOn({ runId, entries: checkpoint.fileList.entries })
  }
  return assert.fail(`the run ended before checkpoint ${number}`)
}

function withoutHeader(list: Buffer): Buffer {
  return list.subarray(decodeFileListHeader(list).byteLength)
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

/** Sends bytes to whoever opens the ticket. */
async function serve(channels: DataChannels, bytes: Buffer): Promise<BackupRunSpec['data']> {
  const listener = await channels.listen()
  const sending = listener.accept().then(async (channel) => {
    await send(channel, bytes)
    await channel.end()
  })
  // A reader that gives up is a matter of its result.
  sending.catch(() => undefined)
  return listener.ticket
}

async function send(channel: DataChannel, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 100_000) await channel.write(bytes.subarray(at, at + 100_000))
}

async function collect(channel: DataChannel): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const chunk of readChannel(channel)) parts.push(Buffer.from(chunk))
  await channel.end()
  return Buffer.concat(parts)
}

function decode(list: Buffer): FileRecord[] {
  const records: FileRecord[] = []
  const decoder = new FileListDecoder()
  decoder.push(list, { onRecord: (record) => void records.push(record) })
  decoder.finish()
  return records
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

function contentsBelow(archive: Buffer, source: Path): Record<string, Uint8Array> {
  const found: Record<string, Uint8Array> = {}
  const strip = pathToBytes(source).length
  let name: string | undefined
  let content = Buffer.alloc(0)
  const parser = new ArchiveParser()
  parser.push(archive, {
    onMember: (member) => {
      name = member.kind === 'file' ? pathFromBytes(member.path.subarray(strip)) : undefined
      content = Buffer.alloc(member.sizeBytes)
    },
    onData: (chunk, offset) => void chunk.copy(content, offset),
    onMemberEnd: () => {
      if (name !== undefined) found[name] = content
    },
    onEndOfArchive: () => undefined,
  })
  parser.finish()
  return sorted(found)
}

function sorted(tree: Readonly<Record<string, Uint8Array>>): Record<string, Uint8Array> {
  const names = Object.keys(tree).sort()
  return Object.fromEntries(names.map((name) => [name, Buffer.from(tree[name] ?? [])]))
}
