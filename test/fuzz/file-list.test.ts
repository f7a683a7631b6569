import { systemClock } from '@nb/contracts'
// Mutated file lists and sparse indexes: decoders, lookups in batches, and the catalog's walk over a list that looks sound.
import assert from 'node:assert/strict'
import {
  FileListDecoder,
  FileListEncoder,
  FileListRuns,
  comparePaths,
  decodeBatch,
  decodeFileListHeader,
  decodeFileListIndex,
  encodeFileListIndex,
  findBatch,
  findInBatch,
  isWithin,
  scanBatches,
  scanPaths,
  subtreeBatches,
} from '@nb/formats'
import type { BatchFrame, FileListHeader, FileListIndex, FileRecord } from '@nb/formats'
import fc from 'fast-check'
import t from 'tap'
import type { FileTree } from '../../packages/catalog/src/file-tree.ts'
import type { HeaderStore } from '../../packages/catalog/src/header-store.ts'
import { readListFacts, readListTotals } from '../../packages/catalog/src/list-facts.ts'
import { TreeLibrary } from '../../packages/catalog/src/tree-library.ts'
import { fileRecords } from '../../packages/formats/test/support/arbitraries.ts'
import { goldenFileList, goldenIndexBytes } from '../../packages/formats/test/support/golden.ts'
import { listOf } from '../../packages/formats/test/support/records.ts'
import { fuzz } from './engine/fuzz.ts'
import { otherIndexField, otherLength, otherPart, resealIndex, resealList } from './repairs/file-list.ts'
import { heldFiles } from './support/one-file.ts'

t.setTimeout(3_600_000)

interface Decoded {
  readonly headers: FileListHeader[]
  readonly frames: BatchFrame[]
  readonly records: FileRecord[]
}

function decoded(input: Buffer, chunkBytes: number): Decoded & { readonly error: unknown } {
  const headers: FileListHeader[] = []
  const frames: BatchFrame[] = []
  const records: FileRecord[] = []
  const decoder = new FileListDecoder()
  try {
    for (let at = 0; at < input.length; at += chunkBytes)
      decoder.push(input.subarray(at, at + chunkBytes), {
        onHeader: (header) => headers.push(header),
        onBatch: (frame) => frames.push(frame),
        onRecord: (record) => records.push(record),
      })
    decoder.finish()
  } catch (error) {
    return { headers, frames, records, error }
  }
  return { headers, frames, records, error: undefined }
}

const generated = fc.sample(fileRecords, { numRuns: 12, seed: 1 })
const lists = [goldenFileList(), ...generated.map((records) => listOf(records, 256).list)].filter(
  ({ length }) => length < 65_536,
)
const dictionary = [
  'nb-files',
  'nbFB',
  'nb-findx',
  '{"images":["a"]}',
  '/',
  '/a/b',
  '\x80\x80\x80\x80\x01',
  '\xff'.repeat(10),
]
const repairs = [resealList, otherPart, otherLength]

t.test('mutated lists are decoded to what an encoder takes, or refused with a FormatError', async (t) => {
  let turn = 0
  await fuzz(t, {
    name: 'file-list',
    seeds: lists,
    repairs,
    dictionary,
    count: 300,
    longCount: 200_000,
    run: (input) => {
      const whole = decoded(input, 65_536)
      const pieces = decoded(input, [511, 100, 1000, 37][turn++ % 4] ?? 512)
      assert.equal(String(pieces.error), String(whole.error), 'another fault in pieces')
      assert.equal(pieces.records.length, whole.records.length)
      if (whole.error !== undefined) throw whole.error as Error
      const [header] = whole.headers
      assert.ok(header !== undefined)
      for (const [index, { path }] of whole.records.entries()) {
        const before = whole.records[index - 1]
        assert.ok(before === undefined || comparePaths(before.path, path) < 0, 'out of order')
      }
      const encoder = new FileListEncoder(header)
      const batches = whole.records.map((record) => encoder.add(record) ?? Buffer.alloc(0))
      const again = decoded(
        Buffer.concat([encoder.header(), ...batches, encoder.flush() ?? Buffer.alloc(0)]),
        65_536,
      )
      assert.deepEqual(again.records, whole.records)
    },
  })
})

t.test('mutated batches are searched as they are decoded, or refused with a FormatError', async (t) => {
  const batches = lists.flatMap((list) => {
    const { byteLength } = decodeFileListHeader(list)
    const body = list.subarray(byteLength)
    return scanBatches(body).batches.map(({ offset, byteLength }) =>
      body.subarray(offset, offset + byteLength),
    )
  })
  await fuzz(t, {
    name: 'batch',
    seeds: batches.slice(0, 60),
    repairs,
    dictionary,
    count: 300,
    longCount: 200_000,
    run: (input) => {
      scanBatches(input)
      const records = decodeBatch(input)
      const paths: Buffer[] = []
      scanPaths(input, (path) => void paths.push(Buffer.from(path)))
      assert.deepEqual(
        paths,
        records.map(({ path }) => path),
      )
      for (const record of records.slice(0, 4)) assert.deepEqual(findInBatch(input, record.path), record)
      assert.equal(findInBatch(input, Buffer.from('/not/there')), undefined)
    },
  })
})

t.test('mutated indexes lead to batches in their order, or are refused with a FormatError', async (t) => {
  const seeds = lists.map((list) => goldenIndexOf(list))
  await fuzz(t, {
    name: 'sparse-index',
    seeds,
    repairs: [resealIndex, otherIndexField],
    dictionary,
    count: 250,
    longCount: 100_000,
    run: (input) => {
      const index = decodeFileListIndex(input)
      assert.ok(decodeFileListIndex(encodeFileListIndex(index)).batches.length === index.batches.length)
      const runs = FileListRuns.decode(input)
      assert.equal(runs.fileListBytes, index.fileListBytes)
      for (const [number, { firstPath }] of index.batches.entries()) {
        assert.equal(runs.find(firstPath), number)
        assert.equal(findBatch(index, firstPath), number)
        const { first, end } = subtreeBatches(index, firstPath)
        assert.ok(first <= number && end > number)
      }
    },
  })
})

t.test('a list and an index that are mutated are walked to an end, or file-list-corrupt', async (t) => {
  // An input is an index that was good once and a list, one after the other; four bytes before tell where the list begins.
  const seeds = lists.slice(1, 10).map((list) => {
    const index = goldenIndexOf(list)
    const head = Buffer.alloc(4)
    head.writeUInt32LE(index.length)
    return Buffer.concat([head, index, list])
  })
  const inParts =
    (index: boolean): ((input: Buffer, random: () => number) => Buffer) =>
    (input, random) => {
      if (input.length < 4) return input
      const cut = 4 + Math.min(input.readUInt32LE(0), input.length - 4)
      const [first, second] = [Buffer.from(input.subarray(4, cut)), Buffer.from(input.subarray(cut))]
      const parts = index
        ? [otherIndexField(first, random), resealList(second)]
        : [resealIndex(first), otherPart(second, random)]
      const head = Buffer.alloc(4)
      head.writeUInt32LE(parts[0]?.length ?? 0)
      return Buffer.concat([head, ...parts])
    }
  await fuzz(t, {
    name: 'file-tree',
    seeds,
    repairs: [inParts(true), inParts(false)],
    dictionary,
    count: 250,
    longCount: 100_000,
    run: async (input) => {
      if (input.length < 4) return
      const cut = 4 + Math.min(input.readUInt32LE(0), input.length - 4)
      const parts = [input.subarray(4, cut), input.subarray(cut)] as const
      const { entryCount } = FileListRuns.decode(parts[0])
      const files = heldFiles(
        new Map([
          ['/images/files.idx', parts[0]],
          ['/images/files.nbf', parts[1]],
        ]),
      )
      const paths = { index: '/images/files.idx', fileList: '/images/files.nbf' }
      const headers = { paths: () => paths } as unknown as HeaderStore
      const library = new TreeLibrary(
        { files, headers, clock: systemClock(), logger: silent },
        { openLists: 0, indexBytes: 0 },
      )
      const counts = { entries: entryCount, storedEntries: 0, bytes: 0, streamBytes: 0, warnings: 0 }
      await library.with({ backupId: 'this', counts }, (tree) => walk(tree, decodeFileListIndex(parts[0])))
      const facts = await readListFacts(files, '/images/files.nbf')
      assert.deepEqual(await readListTotals(files, '/images/files.nbf'), facts.totals)
    },
  })
})

function goldenIndexOf(list: Buffer): Buffer {
  const { byteLength } = decodeFileListHeader(list)
  const { batches } = scanBatches(list.subarray(byteLength), byteLength)
  const entryCount = batches.reduce((sum, batch) => sum + batch.entryCount, 0)
  if (list.equals(goldenFileList())) return goldenIndexBytes(list, byteLength)
  return encodeFileListIndex({ batches, entryCount, fileListBytes: list.length })
}

const silent = Object.assign((): void => undefined, {
  error: (): void => undefined,
  trace: (): void => undefined,
})

/** What a person who browses does. */
async function walk(tree: FileTree, { batches }: FileListIndex): Promise<void> {
  const root = Buffer.from('/')
  for await (const { path } of tree.children(root)) assert.ok(isWithin(path, root))
  for await (const { path } of tree.subtree(root)) assert.ok(isWithin(path, root))
  for (const { firstPath } of batches.slice(0, 3)) {
    await tree.find(firstPath)
    await tree.holds(firstPath)
    for await (const { path } of tree.children(firstPath)) assert.ok(isWithin(path, firstPath))
  }
  let bytes = 0
  for await (const chunk of tree.raw(1000)) bytes += chunk.length
  assert.equal(bytes, tree.bytes)
}
