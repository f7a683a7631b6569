import { writeFileSync } from 'node:fs'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createBlockPipe, openBlockPipe } from '../../src/client/block-pipe.ts'
import { createCheckpointGate } from '../../src/client/checkpoint-gate.ts'
import { WorkerThreads } from '../../src/client/worker-threads.ts'
import type { ReaderInput, ReaderTotals } from '../../src/client/worker-messages.ts'
import { freshDirectory } from './fresh-directory.ts'

/** A thread that was started is told of a little later. */
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const listener = { onProgress: () => undefined, onWarnings: () => undefined }

function input(root: string): ReaderInput {
  const pipe = () => createBlockPipe({ blocks: 4, blockBytes: 65_536 }).shared
  return {
    backupId: 'b',
    referenceId: undefined,
    roots: [Buffer.from(root)],
    exclude: [],
    include: [],
    crossMountPoints: false,
    digest: undefined,
    framed: false,
    neverPaths: [],
    data: pipe(),
    list: pipe(),
    reference: undefined,
    checkpointIntervalMs: undefined,
    resumeFrom: undefined,
    gate: createCheckpointGate().shared,
  }
}

t.test(
  'a thread is used again after a task that went well, not after one that failed, and ended when idle for long',
  async (t) => {
    const directory = freshDirectory(t)
    const clock = createVirtualClock()
    const threads = new WorkerThreads(clock, { keepIdleMs: 1000 })
    let started = 0
    const count = (): void => void started++
    process.on('worker', count)
    t.teardown(() => process.off('worker', count))
    t.equal((await threads.run<ReaderTotals>('reader', input(directory), listener)).counts.entries, 1)
    t.equal((await threads.run<ReaderTotals>('reader', input(directory), listener)).counts.entries, 1)
    t.equal(started, 1)
    await t.rejects(threads.run('reader', input(`${directory}/none`), listener), { code: 'source-missing' })
    t.equal((await threads.run<ReaderTotals>('reader', input(directory), listener)).counts.entries, 1)
    t.equal(started, 2)
    await clock.advance(999)
    t.equal((await threads.run<ReaderTotals>('reader', input(directory), listener)).counts.entries, 1)
    t.equal(started, 2)
    await clock.advance(1000)
    t.equal((await threads.run<ReaderTotals>('reader', input(directory), listener)).counts.entries, 1)
    t.equal(started, 3)
    await threads.stop()
    await threads.stop()
  },
)

t.test('several tasks at once have a thread each', async (t) => {
  const directory = freshDirectory(t)
  const threads = new WorkerThreads(createVirtualClock())
  const runs = Array.from({ length: 3 }, () =>
    threads.run<ReaderTotals>('reader', input(directory), listener),
  )
  t.strictSame(
    (await Promise.all(runs)).map(({ counts }) => counts.entries),
    [1, 1, 1],
  )
  await threads.stop()
})

t.test('a thread whose task took long is not kept, for it has grown', async (t) => {
  const directory = freshDirectory(t)
  const clock = createVirtualClock()
  const threads = new WorkerThreads(clock, { keepAfterMs: 1000 })
  let started = 0
  const count = (): void => void started++
  process.on('worker', count)
  t.teardown(() => process.off('worker', count))
  writeFileSync(`${directory}/file`, '')
  for (const tookMs of [1000, 1001, 0]) {
    // It stands at a checkpoint until its time has passed.
    const gate = createCheckpointGate()
    const task = { ...input(directory), checkpointIntervalMs: 0, gate: gate.shared }
    const run = threads.run<ReaderTotals>('reader', task, listener)
    await clock.advance(tookMs)
    gate.open()
    t.equal((await run).counts.entries, 2)
  }
  t.equal(started, 2, 'the second task used the thread of the first, the third had to start one')
  await threads.stop()
})

t.test('threads start whatever arguments Node was given for the process', async (t) => {
  const directory = freshDirectory(t)
  const before = [...process.execArgv]
  t.teardown(() => void process.execArgv.splice(0, process.execArgv.length, ...before))
  process.execArgv.push(
    '--max-old-space-size=2048',
    '--expose-gc',
    '--import',
    'data:text/javascript,',
    '-C',
    'some',
  )
  const threads = new WorkerThreads(createVirtualClock())
  const { counts } = await threads.run<ReaderTotals>('reader', input(directory), listener)
  t.equal(counts.entries, 1)
  await threads.stop()
})

t.test(
  'a thread that is to be ready is there from the start, however long nothing comes, and anew after work',
  async (t) => {
    const directory = freshDirectory(t)
    const clock = createVirtualClock()
    const threads = new WorkerThreads(clock, { ready: ['reader'], keepIdleMs: 1000, keepAfterMs: 1000 })
    let started = 0
    const count = (): void => void started++
    process.on('worker', count)
    t.teardown(() => process.off('worker', count))
    const run = (): Promise<ReaderTotals> => threads.run<ReaderTotals>('reader', input(directory), listener)
    await threads.start()
    t.equal(started, 1)
    await clock.advance(3_600_000)
    t.equal((await run()).counts.entries, 1)
    t.equal(started, 1, 'it has waited for the first task')
    t.equal((await run()).counts.entries, 1)
    t.equal(started, 1, 'and is kept after it')
    // It stands at a checkpoint until its time has passed.
    writeFileSync(`${directory}/file`, '')
    const gate = createCheckpointGate()
    const task = { ...input(directory), checkpointIntervalMs: 0, gate: gate.shared }
    const long = threads.run<ReaderTotals>('reader', task, listener)
    await clock.advance(1001)
    gate.open()
    await long
    await soon()
    t.equal(started, 2, 'one that has grown is replaced at once')
    await t.rejects(threads.run('reader', input(`${directory}/none`), listener), { code: 'source-missing' })
    await soon()
    t.equal(started, 3, 'and one that failed')
    await threads.stop()
    await clock.advance(3_600_000)
    t.equal(started, 3, 'none is started for a stopped one')
    await threads.start()
    t.equal(started, 4)
    await threads.stop()
  },
)

t.test(
  'beyond enough threads a run waits for one to come free, and for no longer than was said',
  async (t) => {
    const directory = freshDirectory(t)
    const clock = createVirtualClock()
    const threads = new WorkerThreads(clock, { enough: 1, patienceMs: 1000 })
    let started = 0
    const count = (): void => void started++
    process.on('worker', count)
    t.teardown(() => process.off('worker', count))
    const run = (): Promise<ReaderTotals> => threads.run<ReaderTotals>('reader', input(directory), listener)
    await Promise.all([run(), run(), run()])
    t.equal(started, 1, 'one thread did the work of all')

    // A run that holds its thread: its pipes have no room, as nobody reads them.
    writeFileSync(`${directory}/big`, Buffer.alloc(1_000_000))
    const held = input(directory)
    const long = threads.run<ReaderTotals>('reader', held, listener)
    const small = freshDirectory(t)
    const impatient = threads.run<ReaderTotals>('reader', input(small), listener)
    await clock.advance(999)
    t.equal(started, 1)
    await clock.advance(1)
    t.equal((await impatient).counts.entries, 1)
    t.equal(started, 2)
    const failing = t.rejects(threads.run('reader', input(`${directory}/none`), listener), {
      code: 'source-missing',
    })
    await failing
    openBlockPipe(held.data).abort()
    await t.rejects(long)
    await threads.stop()
  },
)

t.test('of runs that wait only one gets one more thread, and none while threads come free', async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(`${directory}/file`, '')
  const clock = createVirtualClock()
  const threads = new WorkerThreads(clock, { enough: 1, patienceMs: 1000, keepAfterMs: 10_000 })
  let started = 0
  const count = (): void => void started++
  process.on('worker', count)
  t.teardown(() => process.off('worker', count))
  /** A run that stands at a checkpoint until it is let go on. */
  const standing = () => {
    const gate = createCheckpointGate()
    const task = { ...input(directory), checkpointIntervalMs: 0, gate: gate.shared }
    const ended = threads.run<ReaderTotals>('reader', task, listener)
    return {
      goOn: async () => {
        gate.open()
        t.equal((await ended).counts.entries, 2)
      },
    }
  }
  const runs = Array.from({ length: 4 }, standing)
  await clock.advance(900)
  await runs[0]?.goOn()
  await clock.advance(900)
  t.equal(started, 1, 'one has come free meanwhile')
  await runs[1]?.goOn()
  await clock.advance(1000)
  await soon()
  t.equal(started, 2, 'of two that wait one gets one more')
  await Promise.all([runs[2]?.goOn(), runs[3]?.goOn()])
  t.equal(started, 2)
  await threads.stop()
})
