import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FILE_FLAGS } from '@nb/formats'
import t from 'tap'
import { compareTrees } from './compare-trees.ts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree } from './make-tree.ts'
import { readInThread, type ReadResult } from './read-in-thread.ts'

/** A chain of backups, each compared with the one before. */
class Chain {
  readonly archives: Buffer[] = []
  last: ReadResult | undefined

  backup(source: string): ReadResult {
    const id = `client_${this.archives.length + 1}`
    const { last } = this
    this.last = readInThread([source], {
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
