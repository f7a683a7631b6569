import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { FILE_FLAGS } from '@nb/formats'
import t from 'tap'
import { compareTrees } from './compare-trees.ts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree, seeded } from './make-tree.ts'
import { readInThread, type ReadResult } from './read-in-thread.ts'

const seed = Number(process.env['NB_TEST_SEED'] ?? 20_260_101)
const histories = Number(process.env['NB_TEST_HISTORIES'] ?? 4)

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

t.comment(`${histories} random histories of 4 restore points from seed ${seed}`)
for (let run = 0; run < histories; run++) {
  const runSeed = seed + run
  t.test(`every restore point of a random history equals its tree (seed ${runSeed})`, async (t) => {
    const directory = freshDirectory(t)
    const source = join(directory, 'source')
    mkdirSync(source)
    const random = seeded(runSeed)
    const editor = new Editor(source, random)
    for (let i = 0; i < 25; i++) editor.create()
    const chain = new Chain()
    for (let point = 0; point < 4; point++) {
      if (point > 0) for (let i = 0; i < 12; i++) editor.edit()
      const result = chain.backup(source)
      t.strictSame(result.warnings, [])
      const target = join(directory, `target-${point}`)
      chain.restore(source, target)
      t.strictSame(compareTrees(source, target), [], `point ${point}: ${editor.log.splice(0).join('; ')}`)
    }
  })
}

/** Changes a tree at random. */
class Editor {
  readonly log: string[] = []
  readonly #root: string
  readonly #random: () => number

  constructor(root: string, random: () => number) {
    this.#root = root
    this.#random = random
  }

  edit(): void {
    const action = this.#pick([
      'create',
      'create',
      'write',
      'sneak',
      'mode',
      'rename',
      'rename',
      'remove',
      'link',
      'retype',
      'touch',
    ])
    if (action === 'create') return this.create()
    const path = this.#pick(this.#paths())
    if (path === undefined) return this.create()
    const isDirectory = lstatSync(path).isDirectory()
    const isFile = lstatSync(path).isFile()
    this.log.push(`${action} ${path.slice(this.#root.length)}`)
    if (action === 'write' && isFile) writeFileSync(path, this.#content())
    else if (action === 'sneak' && isFile) {
      const { size, atime, mtime } = lstatSync(path)
      writeFileSync(path, Buffer.alloc(size, Math.floor(this.#random() * 256)))
      utimesSync(path, atime, mtime)
    } else if (action === 'mode' && !lstatSync(path).isSymbolicLink())
      chmodSync(path, 0o700 + Math.floor(this.#random() * 64))
    else if (action === 'rename') this.#rename(path)
    else if (action === 'remove') rmSync(path, { recursive: true })
    else if (action === 'link' && !isDirectory) linkSync(path, this.#freshPath(''))
    else if (action === 'retype') {
      rmSync(path, { recursive: true })
      if (isDirectory) writeFileSync(path, this.#content())
      else mkdirSync(path)
    } else if (action === 'touch' && isFile) utimesSync(path, this.#random() * 1e9, this.#random() * 1e9)
  }

  create(): void {
    const kind = this.#pick(['file', 'file', 'file', 'directory', 'symlink', 'fifo', 'sparse'])
    const path = this.#freshPath('')
    this.log.push(`create ${kind} ${path.slice(this.#root.length)}`)
    if (kind === 'directory') mkdirSync(path)
    else if (kind === 'symlink') symlinkSync(this.#pick(['.', '/nowhere', '../x', 'a']) ?? '.', path)
    else if (kind === 'fifo') execFileSync('mkfifo', [path])
    else {
      writeFileSync(path, this.#content())
      if (kind === 'sparse') truncateSync(path, 1 << 20)
    }
  }

  #rename(path: string): void {
    const to = this.#freshPath(path)
    renameSync(path, to)
  }

  #content(): Buffer {
    return Buffer.alloc(Math.floor(this.#random() * 20_000), Math.floor(this.#random() * 256))
  }

  /** A path that is not there, outside `not`. */
  #freshPath(not: string): string {
    const places = [
      this.#root,
      ...this.#paths().filter((path) => lstatSync(path).isDirectory() && !isWithin(path, not)),
    ]
    for (;;) {
      const path = join(
        this.#pick(places) ?? this.#root,
        `${this.#pick(['a', 'b', 'c', 'x-', 'é', 'Z'])}${Math.floor(this.#random() * 100)}`,
      )
      if (!exists(path)) return path
    }
  }

  #paths(directory: string = this.#root): string[] {
    const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    return entries.flatMap((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? [path, ...this.#paths(path)] : [path]
    })
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)]
  }
}

function isWithin(path: string, directory: string): boolean {
  return directory !== '' && `${path}/`.startsWith(`${directory}/`)
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}
