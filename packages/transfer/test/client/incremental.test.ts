import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { FILE_FLAGS, instantOf, nearestListableTime, timeNsOf } from '@nb/formats'
import t from 'tap'
import { portableReadCalls } from '../../src/client/portable-read-calls.ts'
import { compareTrees } from './compare-trees.ts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { memoryDirectory, touch } from './far-times.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree } from './make-tree.ts'
import { readInThread, type ReadResult, type ReadSettings } from './read-in-thread.ts'

/** A chain of backups, each compared with the one before. */
class Chain {
  readonly archives: Buffer[] = []
  last: ReadResult | undefined

  backup(source: string, settings: ReadSettings = {}): ReadResult {
    const id = `client_${this.archives.length + 1}`
    const { last } = this
    this.last = readInThread([source], {
      ...settings,
      backupId: id,
      ...(last === undefined ? {} : { reference: last.list }),
    })
    this.archives.unshift(this.last.archive)
    return this.last
  }

  /** Restores the tree of the last backup. */
  restore(source: string, target: string): void {
    if (this.last !== undefined) extractInThread(target, planFor(this.last.records, source), this.archives)
  }
}

t.test('an unchanged tree is listed whole and stores nothing', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  makeTree(source, { seed: 21 })
  const chain = new Chain()
  const full = chain.backup(source)
  // What was written within the last kernel tick before it was read is stored once more.
  const recent = full.records.filter((record) => record.flags === FILE_FLAGS.recentlyChanged).length
  const second = chain.backup(source)
  t.equal(second.records.length, full.records.length)
  t.equal(second.totals.counts.storedEntries, recent)
  t.strictSame(second.images, ['client_2', 'client_1'])
  const third = chain.backup(source)
  t.equal(third.totals.counts.storedEntries, 0)
  t.strictSame(third.images, ['client_3', 'client_2', 'client_1'])
  const target = join(directory, 'target')
  chain.restore(source, target)
  t.strictSame(compareTrees(source, target), [])
})

t.test('a change that keeps size and modification time is seen', async (t) => {
  const source = freshDirectory(t)
  const file = join(source, 'file')
  writeFileSync(file, 'one')
  utimesSync(file, 1000, 1000)
  const chain = new Chain()
  chain.backup(source)
  writeFileSync(file, 'two')
  utimesSync(file, 1000, 1000)
  t.equal(chain.backup(source).totals.counts.storedEntries, 1)
})

t.test(
  'a new name of an old file, under a renamed directory, can be restored alone and with the rest',
  async (t) => {
    const directory = freshDirectory(t)
    const source = join(directory, 'source')
    mkdirSync(join(source, 'b'), { recursive: true })
    writeFileSync(join(source, 'a'), 'shared content')
    linkSync(join(source, 'a'), join(source, 'b/link'))
    linkSync(join(source, 'a'), join(source, 'z'))
    const chain = new Chain()
    chain.backup(source)
    renameSync(join(source, 'b'), join(source, 'c'))
    const { records } = chain.backup(source)
    const moved = planFor(records, source).filter((record) => record.path.toString() === '/c/link')
    const alone = join(directory, 'alone')
    const { totals } = extractInThread(alone, moved, chain.archives)
    t.equal(totals.entries, 1)
    t.equal(execFileSync('cat', [join(alone, 'c/link')]).toString(), 'shared content')
    chain.restore(source, join(directory, 'whole'))
    t.strictSame(compareTrees(source, join(directory, 'whole')), [])
  },
)

t.test('a file that was read unsoundly is stored again', async (t) => {
  const source = freshDirectory(t)
  writeFileSync(join(source, 'f'), Buffer.alloc(300_000, 'x'))
  let isDone = false
  const first = readInThread([source], {
    observe: (moment) => {
      if (moment !== 'block-read' || isDone) return
      isDone = true
      writeFileSync(join(source, 'f'), Buffer.alloc(300_000, 'y'))
    },
  })
  t.equal(first.records[1]?.flags, FILE_FLAGS.changedWhileRead)
  t.equal(
    readInThread([source], { backupId: 'client_2', reference: first.list }).totals.counts.storedEntries,
    1,
  )
})

t.test('a reference that is damaged, or of another image, is refused', async (t) => {
  const source = freshDirectory(t)
  for (let i = 0; i < 300; i++) writeFileSync(join(source, `file-${i}`), '')
  const { list } = readInThread([source])
  const damaged = Buffer.from(list)
  damaged[list.length - 50] = (damaged[list.length - 50] ?? 0) ^ 1
  t.throws(() => readInThread([source], { reference: damaged }), { code: 'file-list-corrupt', status: 229 })
  t.throws(() => readInThread([source], { reference: list.subarray(0, list.length - 9) }), {
    code: 'file-list-corrupt',
  })
})

const FAR = {
  'in-the-year-2300': '2300-01-01',
  'in-the-year-1600': '1600-01-01',
  'as-late-as-a-disk-can': '@9007199254740991',
  'as-early-as-a-disk-can': '@-9007199254740991',
  'a-nanosecond-too-late': '@9223372036.854775808',
  'a-nanosecond-too-early': '@-9223372036.854775809',
}
const NEAR = {
  'the-latest': '@9223372036.854775807',
  'the-earliest': '@-9223372036.854775808',
  'before-1970': '@-1.5',
  'a-nanosecond-before-1970': '@-0.000000001',
}

t.test(
  'files of times that no backup can hold are told by name, stored once, and come back with the nearest',
  async (t) => {
    const directory = memoryDirectory(t)
    if (directory === undefined)
      return t.comment('NOT TESTED here: there is no file system in memory, which takes any time')
    const source = join(directory, 'source')
    mkdirSync(join(source, 'folder-of-2300'), { recursive: true })
    for (const [name, time] of Object.entries({ ...FAR, ...NEAR })) {
      writeFileSync(join(source, name), name)
      touch(join(source, name), time)
    }
    symlinkSync('nowhere', join(source, 'link-of-2300'))
    writeFileSync(join(source, 'read-in-2300'), '')
    linkSync(join(source, 'in-the-year-2300'), join(source, 'other-name-of-2300'))
    for (const name of ['folder-of-2300', 'link-of-2300']) touch(join(source, name), '2300-01-01')
    touch(join(source, 'read-in-2300'), '2300-01-01', '-a')
    touch(source, '2024-05-06')

    const chain = new Chain()
    // What has just been made would be read again, as it may have changed since.
    const full = chain.backup(source, { laterMs: 1000 })
    const told = full.warnings.map(({ severity, code, path }) => [
      severity,
      code,
      Buffer.from(path).toString(),
    ])
    const names = [...Object.keys(FAR), 'folder-of-2300', 'link-of-2300', 'read-in-2300'].sort()
    t.strictSame(
      told,
      names.map((name) => ['warning', 'TIME_RANGE', join(source, name)]),
    )
    t.match(
      full.warnings[0]?.text,
      /between 1677-09-21 and 2262-04-11, as its modification time and access time/,
    )
    t.match(full.warnings.at(-1)?.text, /as its access time$/)

    for (const settings of [{}, { calls: portableReadCalls() }]) {
      const next = chain.backup(source, { ...settings, laterMs: 1000 })
      t.equal(next.totals.counts.storedEntries, 0, 'nothing of it is new')
      t.equal(next.records.length, full.records.length)
      t.strictSame(next.warnings, [], 'what is not stored is not told of')
    }

    const target = join(directory, 'target')
    chain.restore(source, target)
    const kept = (path: string): bigint =>
      timeNsOf(nearestListableTime(instantOf(lstatSync(path, { bigint: true }).mtimeNs)))
    for (const name of ['.', ...readdirSync(source)]) {
      const { mtimeNs } = lstatSync(join(target, name), { bigint: true })
      t.equal(mtimeNs, kept(join(source, name)), name)
    }
  },
)
