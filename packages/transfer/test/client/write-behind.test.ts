import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { join } from 'node:path'
import { type DataChannel, NbError, systemClock } from '@nb/contracts'
import t from 'tap'
import { noExtractionState } from '../../src/client/extractor/extraction-state.ts'
import { startExtractorSession } from '../../src/client/extractor/extractor-session.ts'
import { WrittenFile, type WriterCalls } from '../../src/client/extractor/written-file.ts'
import type { WriteFailure, WritesBehind } from '../../src/client/extractor/write-behind.ts'
import type { TransferWarning } from '../../src/client/warning.ts'
import { WorkerThreads } from '../../src/client/worker-threads.ts'
import { loadPosix, type Posix } from '../../src/posix/posix.ts'
import { PosixError } from '../../src/posix/posix-error.ts'
import { compareTrees } from './compare-trees.ts'
import { encodePlan, extractBytes, extractInThread, framedRanges, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree } from './make-tree.ts'
import { readInThread } from './read-in-thread.ts'

function nativeCalls(): Posix {
  const posix = loadPosix()
  if (typeof posix === 'string') throw new Error(posix)
  return posix
}

/** A writer that puts off everything until it is waited for, or has so much to do. */
function lateWriter(
  calls: WriterCalls,
  most = 100,
  busyFrom = Infinity,
): WritesBehind & { readonly done: number } {
  const waiting: (() => void)[] = []
  let failures: WriteFailure[] = []
  let done = 0
  const file = new WrittenFile(calls, { add: (failure) => void failures.push(failure) })
  const work = (): void => {
    for (const act of waiting.splice(0)) act()
  }
  const put = (act: () => void): void => {
    done++
    if (waiting.push(act) >= most) work()
  }
  return {
    get isBusy() {
      return waiting.length >= busyFrom
    },
    takes: () => true,
    write: (fd, bytes, start, end, position) => {
      const { buffer, byteOffset } = bytes
      put(() => file.write(fd, Buffer.from(buffer, byteOffset, bytes.length), start, end, position))
    },
    finish: (...args) => put(() => file.finish(...args)),
    drop: (fd) => put(() => file.drop(fd)),
    release: () => undefined,
    hurry: () => undefined,
    settle: work,
    end: work,
    takeFailures: () => {
      const found = failures
      failures = []
      return found
    },
    get done() {
      return done
    },
  }
}

/** Calls of which one fails for a file, told by its descriptor's first bytes. */
function failing(
  call: 'writePartAt' | 'setInstantsFd' | 'chmodFd' | 'close',
  code: keyof typeof constants.errno,
  nth: number,
): WriterCalls {
  const calls = nativeCalls()
  let count = 0
  const fail = (): void => {
    if (++count === nth) throw new PosixError(call, constants.errno[code])
  }
  return {
    writePartAt: (fd, bytes, start, end, position) => {
      if (call === 'writePartAt') fail()
      calls.writePartAt(fd, bytes, start, end, position)
    },
    setInstantsFd: (fd, atime, mtime) => {
      if (call === 'setInstantsFd') fail()
      calls.setInstantsFd(fd, atime, mtime)
    },
    chmodFd: (fd, mode) => {
      if (call === 'chmodFd') fail()
      calls.chmodFd(fd, mode)
    },
    close: (fd) => {
      calls.close(fd)
      if (call === 'close') fail()
    },
  }
}

/** Five files of ten bytes each in a directory, and their backup. */
function fiveFiles(t: { teardown(action: () => void): void }) {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(join(source, 'd'), { recursive: true })
  for (const name of ['a', 'b', 'c', 'e', 'f']) writeFileSync(join(source, 'd', name), name.repeat(10))
  const { records, archive } = readInThread([source])
  return { source, target: join(directory, 'target'), plan: planFor(records, source), archives: [archive] }
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

t.test('however late a writer is, a tree of every kind comes back the same', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  makeTree(source, { seed: 47 })
  const { records, archive } = readInThread([source])
  for (const most of [1, 3, 8, 1_000_000]) {
    // With much to do it leaves files to the extractor.
    const behind = lateWriter(nativeCalls(), most, most === 8 ? 4 : Infinity)
    const target = join(directory, `target-${most}`)
    const before = openDescriptors()
    const { totals, warnings } = extractInThread(target, planFor(records, source), [archive], {
      behind,
      pieceBytes: 7001,
    })
    t.strictSame(warnings, [])
    t.equal(totals.entries, records.length)
    t.strictSame(compareTrees(source, target), [])
    t.equal(openDescriptors(), before, 'and nothing stays open')
    t.ok(behind.done > 0)
  }
})

t.test('a file that can not be written is not left behind, is told, and the others are there', async (t) => {
  const { target, plan, archives } = fiveFiles(t)
  const { totals, warnings } = extractInThread(target, plan, archives, {
    behind: lateWriter(failing('writePartAt', 'EIO', 2)),
  })
  t.match(warnings, [{ code: 'EIO', path: Buffer.from('/d/b') }])
  t.match(totals, { entries: plan.length - 1, bytes: 40, failed: 1 })
  t.strictSame(readdirSync(join(target, 'd')), ['a', 'c', 'e', 'f'])
})

t.test('of files that the extractor writes itself what fails is told the same', async (t) => {
  const { target, plan, archives } = fiveFiles(t)
  const before = openDescriptors()
  const posix: Posix = { ...nativeCalls(), ...failing('writePartAt', 'EIO', 2) }
  const { totals, warnings } = extractInThread(target, plan, archives, {
    posix,
    behind: lateWriter(nativeCalls(), 100, 0),
  })
  t.match(
    warnings,
    [{ code: 'EIO', path: Buffer.from('/d/c') }],
    'the first of a directory is written behind',
  )
  t.match(totals, { entries: plan.length - 1, bytes: 40, failed: 1 })
  t.strictSame(readdirSync(join(target, 'd')), ['a', 'b', 'e', 'f'])
  t.equal(openDescriptors(), before)
})

t.test('a full disk ends the restore, and no unfinished file is left', async (t) => {
  const { target, plan, archives } = fiveFiles(t)
  const before = openDescriptors()
  t.throws(
    () =>
      extractInThread(target, plan, archives, { behind: lateWriter(failing('writePartAt', 'ENOSPC', 3)) }),
    {
      code: 'disk-full',
    },
  )
  t.notOk(existsSync(join(target, 'd', 'c')))
  t.equal(openDescriptors(), before)
})

t.test('times and a mode that can not be set are told as always, and the file stays', async (t) => {
  for (const [call, attribute] of [
    ['setInstantsFd', 'times'],
    ['chmodFd', 'mode'],
  ] as const) {
    const { target, plan, archives } = fiveFiles(t)
    const { totals, warnings } = extractInThread(target, plan, archives, {
      behind: lateWriter(failing(call, 'EPERM', 1)),
    })
    t.match(warnings, [
      { code: 'EPERM', path: Buffer.from('/d/a'), text: `its ${attribute} could not be restored (EPERM)` },
    ])
    t.match(totals, { entries: plan.length, failed: 0 })
    t.equal(readFileSync(join(target, 'd', 'a'), 'latin1'), 'a'.repeat(10))
  }
})

t.test('a file whose closing fails has not been restored', async (t) => {
  const { target, plan, archives } = fiveFiles(t)
  const { totals, warnings } = extractInThread(target, plan, archives, {
    behind: lateWriter(failing('close', 'EIO', 5)),
  })
  t.match(warnings, [{ code: 'EIO', path: Buffer.from('/d/f') }])
  t.match(totals, { entries: plan.length - 1, failed: 1 })
})

t.test('data that breaks off leaves the files before, whole, and none unfinished', async (t) => {
  const { source, target, plan, archives } = fiveFiles(t)
  const data = framedRanges(plan, archives)
  const before = openDescriptors()
  const broken = data.subarray(0, data.length - 507)
  t.throws(() => extractBytes(target, encodePlan(plan, 1), broken, { behind: lateWriter(nativeCalls()) }), {
    code: 'archive-corrupt',
  })
  for (const name of readdirSync(join(target, 'd'))) {
    t.equal(readFileSync(join(target, 'd', name), 'latin1'), name.repeat(10))
    t.equal(statSync(join(target, 'd', name)).mode, statSync(join(source, 'd', name)).mode)
  }
  t.equal(openDescriptors(), before)
})

for (const where of ['the same directory', 'another directory'] as const) {
  t.test(
    `a directory that is swapped for a link before the data is written leads nowhere, by then in ${where}`,
    async (t) => {
      const directory = freshDirectory(t)
      const source = join(directory, 'source')
      const target = join(directory, 'target')
      const outside = join(directory, 'outside')
      for (const path of ['d', 'x']) mkdirSync(join(source, path), { recursive: true })
      mkdirSync(outside)
      for (const name of ['a', 'b', 'c']) {
        writeFileSync(join(source, 'd', name), name.repeat(10))
        writeFileSync(join(outside, name), 'precious')
      }
      writeFileSync(join(source, 'x', 'y'), 'y')
      const { records, archive } = readInThread([source])
      const behind = lateWriter(failing('writePartAt', 'EIO', 2))
      let begun = 0
      // Told of the file: its data is not written yet.
      const finish: WritesBehind['finish'] = (...args) => {
        behind.finish(...args)
        if (++begun !== 3) return
        renameSync(join(target, 'd'), join(target, 'moved'))
        symlinkSync(outside, join(target, 'd'))
        if (where === 'the same directory') behind.settle()
      }
      const { totals } = extractInThread(target, planFor(records, source), [archive], {
        behind: { ...behind, finish },
      })
      t.equal(totals.failed, 1)
      for (const name of ['a', 'b', 'c']) t.equal(readFileSync(join(outside, name), 'latin1'), 'precious')
      t.equal(readFileSync(join(target, 'moved', 'c'), 'latin1'), 'c'.repeat(10))
      t.equal(readFileSync(join(target, 'x', 'y'), 'latin1'), 'y')
    },
  )
}

t.test('no directory is taken out of the note while files in it are unfinished', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  for (let folder = 0; folder < 400; folder++) {
    const path = join(source, String(folder).padStart(200, 'x'))
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'file'), 'content')
  }
  const { records, archive } = readInThread([source])
  const note = { path: join(directory, 'restore.note'), jobId: '1' }
  const behind = lateWriter(nativeCalls(), 1_000_000)
  const told: number[] = []
  const settle = (): void => {
    told.push(existsSync(note.path) ? statSync(note.path).size : 0)
    behind.settle()
  }
  extractInThread(join(directory, 'target'), planFor(records, source), [archive], {
    behind: { ...behind, settle },
    note,
  })
  t.ok((told[0] ?? 0) > 64 * 1024, 'all that was begun is finished before the note begins anew')
  t.ok((told[1] ?? Infinity) < 64 * 1024)
})

/** A channel that gives what it was made with. */
function channelOf(bytes: Buffer): DataChannel {
  let at = 0
  return {
    read: async () => {
      if (at >= bytes.length) return undefined
      const chunk = bytes.subarray(at, at + 300_000)
      at += chunk.length
      return chunk
    },
    write: async () => undefined,
    end: async () => undefined,
    abort: () => (at = bytes.length),
  }
}

t.test('a restore of many files is written by a thread of its own', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  for (let folder = 0; folder < 21; folder++) {
    mkdirSync(join(source, String(folder)), { recursive: true })
    for (let file = 0; file < 100; file++)
      writeFileSync(join(source, String(folder), String(file)), Buffer.alloc((file * 131) % 9000, file))
  }
  writeFileSync(join(source, 'big'), Buffer.alloc(3_000_000, 'big '))
  const { records, archive } = readInThread([source])
  const plan = planFor(records, source)
  const threads = new WorkerThreads(systemClock())
  t.teardown(() => threads.stop())
  const started: string[] = []
  const note = (worker: { readonly threadName?: string | null }): void =>
    void started.push(String(worker.threadName))
  process.on('worker', note)
  t.teardown(() => process.off('worker', note))
  const warnings: TransferWarning[] = []
  const session = startExtractorSession(
    threads,
    { root: Buffer.from(join(directory, 'target')), ifExists: 'fail', last: true, state: noExtractionState },
    { plan: channelOf(encodePlan(plan, 1)), data: channelOf(framedRanges(plan, [archive])) },
    { onProgress: () => undefined, onWarnings: (some) => void warnings.push(...some) },
  )
  t.match(await session.result, { entries: records.length, failed: 0 })
  t.strictSame(warnings, [])
  t.equal(started.length, availableParallelism() < 2 ? 1 : 2)
  t.strictSame(compareTrees(source, join(directory, 'target')), [])
})

t.test('a restore that is ended while a thread writes leaves whole files and none unfinished', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(join(source, 'd'), { recursive: true })
  for (let file = 0; file < 2100; file++)
    writeFileSync(join(source, 'd', String(file)), Buffer.alloc(2000, file))
  const { records, archive } = readInThread([source])
  const plan = planFor(records, source)
  const threads = new WorkerThreads(systemClock())
  t.teardown(() => threads.stop())
  const data = channelOf(framedRanges(plan, [archive]))
  const before = openDescriptors()
  let reads = 0
  const read = async (): Promise<Uint8Array | undefined> => {
    // The rest never comes.
    if (++reads > 4) return new Promise<undefined>((resolve) => (data.abort = () => resolve(undefined)))
    return data.read()
  }
  const target = join(directory, 'target')
  const session = startExtractorSession(
    threads,
    { root: Buffer.from(target), ifExists: 'fail', last: true, state: noExtractionState },
    { plan: channelOf(encodePlan(plan, 1)), data: { ...data, read, abort: () => data.abort('') } },
    { onProgress: () => undefined, onWarnings: () => undefined },
  )
  while (!existsSync(join(target, 'd')) || readdirSync(join(target, 'd')).length < 200)
    await new Promise((resolve) => setImmediate(resolve))
  session.abort(new NbError('session-killed', 'it was ended'))
  await t.rejects(session.result, { code: 'session-killed' })
  const names = readdirSync(join(target, 'd'))
  t.ok(names.length >= 200)
  for (const name of names) {
    const { mode, size } = statSync(join(target, 'd', name))
    if (mode !== statSync(join(source, 'd', name)).mode || size !== 2000)
      t.fail(`${name}: ${mode.toString(8)}, ${size}`)
  }
  await threads.stop()
  t.ok(openDescriptors() <= before + 20, 'its descriptors are closed')
})
