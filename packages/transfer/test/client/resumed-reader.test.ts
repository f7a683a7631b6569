import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReaderCheckpoint } from '@nb/contracts'
import { ArchiveParser, decodeFileListHeader, type FileRecord } from '@nb/formats'
import { numberSetting } from '@nb/test-kit'
import t from 'tap'
import { decodePosition, encodePosition } from '../../src/client/reader-position.ts'
import { compareTrees } from './compare-trees.ts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree, seeded } from './make-tree.ts'
import {
  decodeList,
  readInThread,
  readUntilCheckpoint,
  type ReadResult,
  type ReadSettings,
} from './read-in-thread.ts'

const seed = numberSetting('NB_SEED', 20_260_101)
const histories = process.env['NB_LONG'] === '1' ? 60 : 2
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

/** What all tries of a backup have left. */
interface Whole extends Pick<ReadResult, 'archive' | 'list' | 'totals' | 'warnings'> {
  readonly records: readonly FileRecord[]
  readonly tries: number
}

/** Reads in several tries, each broken off at one of its checkpoints. */
function readInTries(
  roots: readonly string[],
  settings: ReadSettings,
  cuts: () => number,
  between: (checkpoint: ReaderCheckpoint) => void = () => undefined,
): Whole {
  const archive: Buffer[] = []
  const list: Buffer[] = []
  const keep = (part: { readonly archive: Buffer; readonly list: Buffer }): void => {
    archive.push(part.archive)
    const { byteLength } = decodeFileListHeader(part.list)
    list.push(list.length === 0 ? part.list : part.list.subarray(byteLength))
  }
  let resumeFrom: ReaderCheckpoint | undefined
  for (let tries = 1; ; tries++) {
    const options = { ...settings, ...(resumeFrom === undefined ? {} : { resumeFrom }) }
    const part = readUntilCheckpoint(roots, options, cuts())
    keep(part)
    if (!('checkpoint' in part)) {
      const whole = Buffer.concat(list)
      const { totals, warnings } = part
      return { archive: Buffer.concat(archive), list: whole, totals, warnings, tries, ...decodeList(whole) }
    }
    resumeFrom = part.checkpoint
    between(resumeFrom)
  }
}

/** The members, but for access times: reading a link's target changes it. */
function membersOf(archive: Buffer): readonly object[] {
  const members: object[] = []
  let hash = createHash('sha256')
  const parser = new ArchiveParser()
  parser.push(archive, {
    onMember: ({ atimeNs: _, ...member }) => {
      members.push(member)
      hash = createHash('sha256')
    },
    onData: (chunk) => void hash.update(chunk),
    onMemberEnd: () => void members.push({ data: hash.digest('hex') }),
    onEndOfArchive: () => undefined,
  })
  parser.finish()
  return members
}

const named = (records: readonly FileRecord[]): readonly string[] =>
  records.map(({ path }) => path.toString('latin1'))

t.test('however a backup of any tree is broken off, its tries are the same as one go', async (t) => {
  t.comment(`${histories} trees (60 with NB_LONG=1), seed ${seed}`)
  for (let history = 0; history < histories; history++) {
    const random = seeded(seed + history)
    const directory = freshDirectory(t)
    const source = join(directory, 'source')
    mkdirSync(source)
    makeTree(source, { seed: seed + history })
    const options: ReadSettings[] = [
      { laterMs: 60_000 },
      { laterMs: 60_000, exclude: ['*'], include: ['*1*', 'plain'] },
      { laterMs: 60_000, exclude: [`${source}/links`, '*.log'] },
    ]
    for (const settings of options) {
      const once = readInThread([source], settings)
      const most = 1 + Math.floor(random() * once.records.length * 0.5)
      const whole = readInTries([source], settings, () => 1 + Math.floor(random() * most))
      t.ok(whole.tries > 1, `${whole.tries} tries`)
      t.strictSame(membersOf(whole.archive), membersOf(once.archive), 'the same archive')
      t.strictSame(whole.records, once.records, 'the same list')
      const { counts, streamBytes, fileList, warnings } = whole.totals
      t.strictSame(counts, once.totals.counts)
      t.strictSame([streamBytes, warnings], [once.totals.streamBytes, once.totals.warnings])
      t.strictSame([fileList.bytes, fileList.entries], [whole.list.length, whole.records.length])
    }
    const whole = readInTries([source], {}, () => 1 + Math.floor(random() * 40))
    const target = join(directory, 'target')
    extractInThread(target, planFor(whole.records, source), [whole.archive])
    t.strictSame(compareTrees(source, target), [])
  }
})

t.test('an incremental that was broken off compares on from where it was', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  makeTree(source, { seed: 31 })
  const full = readInThread([source], { backupId: 'client_1', laterMs: 60_000 })
  writeFileSync(join(source, 'new'), 'new')
  writeFileSync(join(source, 'zz-new'), 'new too')
  const settings = { backupId: 'client_2', reference: full.list, laterMs: 60_000 }
  const once = readInThread([source], settings)
  const whole = readInTries([source], settings, () => 9)
  t.ok(whole.tries > 5)
  t.ok(once.totals.counts.storedEntries < once.records.length)
  t.strictSame(membersOf(whole.archive), membersOf(once.archive))
  t.strictSame(whole.records, once.records)
})

t.test('several selections, files among them, and one that is not there', async (t) => {
  const directory = freshDirectory(t)
  for (const name of ['a', 'c', 'c/d', 'e']) mkdirSync(join(directory, name))
  for (const name of ['a/1', 'b', 'c/1', 'c/d/1', 'e/1', 'f']) writeFileSync(join(directory, name), name)
  const roots = ['a', 'b', 'c', 'c/d', 'dd', 'e', 'f'].map((name) => join(directory, name))
  const once = readInThread(roots, { laterMs: 60_000 })
  const whole = readInTries(roots, { laterMs: 60_000 }, () => 1)
  t.strictSame(whole.records, once.records)
  t.equal(whole.tries, once.records.length, 'after each entry but the last')
  t.equal(once.totals.warnings, 1)
  t.equal(whole.totals.warnings, 1, 'the missing one is told of once')
})

t.test('further names of a file link to the one before the break', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  for (const name of ['a', 'b']) writeFileSync(join(source, name), name.repeat(3000))
  linkSync(join(source, 'a'), join(source, 'm'))
  linkSync(join(source, 'a'), join(source, 'n'))
  linkSync(join(source, 'b'), join(source, 'x'))
  const whole = readInTries(
    [source],
    {},
    () => 2,
    () => undefined,
  )
  const kinds = whole.records.map(({ path, kind, linkTarget }) => [
    path.toString().slice(source.length),
    kind,
    linkTarget?.toString().slice(source.length),
  ])
  t.strictSame(kinds, [
    ['', 'directory', undefined],
    ['/a', 'file', undefined],
    ['/b', 'file', undefined],
    ['/m', 'hardlink', '/a'],
    ['/n', 'hardlink', '/a'],
    ['/x', 'hardlink', '/b'],
  ])
  const target = join(directory, 'target')
  extractInThread(target, planFor(whole.records, source), [whole.archive])
  t.equal(statSync(join(target, 'a')).ino, statSync(join(target, 'n')).ino)
})

t.test('a file that was changed during the break is read anew under its next name', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'before')
  linkSync(join(source, 'a'), join(source, 'm'))
  linkSync(join(source, 'a'), join(source, 'n'))
  const whole = readInTries(
    [source],
    {},
    () => 2,
    () => writeFileSync(join(source, 'n'), 'after the break'),
  )
  const target = join(directory, 'target')
  extractInThread(target, planFor(whole.records, source), [whole.archive])
  const kinds = whole.records.slice(1).map(({ kind, linkTarget }) => [kind, linkTarget?.toString()])
  t.strictSame(kinds, [
    ['file', undefined],
    ['file', undefined],
    ['hardlink', join(source, 'm')],
  ])
})

t.test('what happens behind the reader while it stands still is not in the image', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  for (const name of ['', 'b', 'd', 'f']) mkdirSync(join(source, name))
  for (const name of ['b/1', 'd/1', 'd/5', 'd/9', 'f/1']) writeFileSync(join(source, name), name)
  const once = readInThread([source])
  const standing = once.records.findIndex(({ path }) => path.toString() === join(source, 'd/5')) + 1
  let breaks = 0
  const whole = readInTries(
    [source],
    {},
    () => (breaks++ === 0 ? standing : 1000),
    () => {
      writeFileSync(join(source, 'a'), 'appeared behind')
      writeFileSync(join(source, 'd/3'), 'appeared behind')
      writeFileSync(join(source, 'b/1'), 'changed behind')
      rmSync(join(source, 'd/1'))
      writeFileSync(join(source, 'd/7'), 'appeared before')
      writeFileSync(join(source, 'g'), 'appeared before')
      rmSync(join(source, 'f'), { recursive: true })
    },
  )
  t.equal(whole.tries, 2)
  t.strictSame(
    named(whole.records).map((path) => path.slice(source.length)),
    ['', '/b', '/b/1', '/d', '/d/1', '/d/5', '/d/7', '/d/9', '/g'],
  )
  const target = join(directory, 'target')
  extractInThread(target, planFor(whole.records, source), [whole.archive])
  t.equal(statSync(join(target, 'b/1')).size, 3, 'as it was when it was read')
})

t.test(
  'the directory in which the reader stood is gone, or is a file: a warning, and the rest',
  async (t) => {
    for (const fate of ['gone', 'file', 'unreadable parent'] as const) {
      const directory = freshDirectory(t)
      const source = join(directory, 'source')
      for (const name of ['', 'd', 'd/in', 'e']) mkdirSync(join(source, name))
      for (const name of ['d/in/1', 'd/in/2', 'd/z', 'e/1']) writeFileSync(join(source, name), name)
      let breaks = 0
      const whole = readInTries(
        [source],
        {},
        () => (breaks++ === 0 ? 4 : 1000),
        () => {
          const [from, to] =
            fate === 'unreadable parent' ? ['d', 'd-moved'] : (['d/in', 'd/in-moved'] as const)
          renameSync(join(source, from), join(source, to))
          if (fate === 'file') writeFileSync(join(source, 'd/in'), 'a file by now')
        },
      )
      const paths = named(whole.records).map((path) => path.slice(source.length))
      t.strictSame(paths.slice(0, 4), ['', '/d', '/d/in', '/d/in/1'], fate)
      t.ok(paths.includes('/e/1'), 'the walk goes on')
      t.equal(paths.includes('/d/in/2'), false)
      t.equal(whole.totals.warnings, 1)
      t.match(whole.warnings[0]?.text, /not in the backup/)
    }
  },
)

t.test('all selections are gone after the break: what was read stays, with a warning', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  for (const name of ['1', '2']) writeFileSync(join(source, name), name)
  let breaks = 0
  const whole = readInTries(
    [source],
    {},
    () => (breaks++ === 0 ? 2 : 1000),
    () => rmSync(source, { recursive: true }),
  )
  t.equal(whole.records.length, 2)
  t.match(whole.warnings, [{ text: 'this backup selection does not exist' }])
})

t.test('a checkpoint is due by time, and when something has been read since', async (t) => {
  const directory = freshDirectory(t)
  for (const name of ['1', '2', '3', '4']) writeFileSync(join(directory, name), name)
  const checkpoints: ReaderCheckpoint[] = []
  const result = readInThread([directory], {
    onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
  })
  t.strictSame(
    checkpoints.map(({ fileList }) => fileList.entries),
    [1, 2, 3, 4],
  )
  t.equal(checkpoints.at(-1)?.counts.streamBytes, checkpoints.at(-1)?.streamBytes)
  t.equal(result.totals.fileList.batches, 5, 'each ends a batch')
  const sparse = readInThread([directory], {
    exclude: ['1', '2', '3'],
    onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
  })
  t.equal(sparse.records.length, 2)
  t.equal(checkpoints.length, 5, 'entries that are left out are no reason')
})

t.test('positions keep every byte, and say what they can not be read by', async (t) => {
  const bytes = Buffer.from([0x2f, 0xff, 0x0a, 0x22, 0x5c, 0xc3])
  const position = {
    walk: {
      root: bytes,
      directory: { path: Buffer.from('/x'), after: bytes, unvisited: 2 },
      summary: { found: 2, readable: 1 },
    },
    counts: { files: 3, directories: 4, readBytes: 2 ** 50 },
    links: [
      { key: '8:1:77', namesLeft: 1, firstPath: bytes, mtimeNs: -5n, size: 9 },
      {
        key: '8:1:78',
        namesLeft: 2,
        firstPath: bytes,
        mtimeNs: 2n ** 62n,
        size: 9,
        stored: {
          memberPath: bytes,
          memberOffset: 512,
          memberBytes: 1024,
          sizeBytes: 9,
          mtimeNs: 1n,
          ctimeNs: 2n,
          flags: 1,
          digest: bytes,
        },
      },
    ],
  }
  t.strictSame(decodePosition(encodePosition(position)), position)
  t.throws(() => decodePosition('nb-position/2:x'), { code: 'version-unsupported' })
  for (const damaged of ['', 'AAAA', encodePosition(position).slice(14, 60)])
    t.throws(() => decodePosition(`nb-position/1:${damaged}`), { code: 'argument-invalid' })
})

t.test('the way to a selection behind a mount point is found again', async (t) => {
  const device = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.dev
  const inside = ['/dev/pts', '/dev/mqueue', '/dev/hugepages'].find(
    (path) => device(path) !== undefined && device(path) !== device('/dev'),
  )
  if (inside === undefined) return t.comment('NOT TESTED here: no file system is mounted below /dev')
  const settings = { exclude: ['/dev/*'], include: [`${inside}/`, '/dev/null', '/dev/zero'] }
  const roots = ['/dev', inside]
  const once = readInThread(roots, settings)
  const whole = readInTries(roots, settings, () => 1)
  t.ok(whole.tries > 3, `${whole.tries} tries`)
  t.ok(named(once.records).includes(inside))
  t.strictSame(named(whole.records), named(once.records))
  t.equal(whole.totals.warnings, once.totals.warnings)
})
