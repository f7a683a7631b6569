import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  FileListRuns,
  FormatError,
  decodeBatch,
  decodeFileListIndex,
  encodeFileListIndex,
  findBatch,
  isWithin,
  scanBatches,
  subtreeBatches,
} from '../../src/index.ts'
import type { FileListIndex, FileRecord } from '../../src/index.ts'
import { seal } from '../../src/file-list/frame.ts'
import { absolutePath, damage, damaged, fileRecords } from '../support/arbitraries.ts'
import { fileRecord, listOf } from '../support/records.ts'
import { holds } from '../support/holds.ts'

function indexed(records: readonly FileRecord[]): { list: Buffer; index: FileListIndex } {
  const { list, header } = listOf(records, 128)
  const { batches } = scanBatches(list.subarray(header.length), header.length)
  return { list, index: { batches, entryCount: records.length, fileListBytes: list.length } }
}

t.test('an index leads to every entry and to all of a subtree', (t) => {
  holds(
    t,
    100,
    fc.property(fileRecords, fc.array(absolutePath, { maxLength: 5 }), (records, others) => {
      const { list, index: made } = indexed(records)
      const index = decodeFileListIndex(encodeFileListIndex(made))
      assert.deepEqual(index, made)
      const batch = (number: number): FileRecord[] => {
        const frame = index.batches[number]
        return frame ? decodeBatch(list.subarray(frame.offset, frame.offset + frame.byteLength)) : []
      }
      for (const { path } of records)
        if (!batch(findBatch(index, path)).some((record) => record.path.equals(path)))
          throw new Error('not found')
      for (const directory of [
        Buffer.from('/'),
        ...others,
        ...records.slice(0, 5).map((record) => record.path),
      ]) {
        const { first, end } = subtreeBatches(index, directory)
        const found = Array.from({ length: end - first }, (_, number) => batch(first + number)).flat()
        const inside = (all: readonly FileRecord[]): FileRecord[] =>
          all.filter(({ path }) => isWithin(path, directory))
        assert.deepEqual(inside(found), inside(records))
      }
    }),
  )
  t.end()
})

t.test('an empty list has an empty index', (t) => {
  const { index } = indexed([])
  t.same(decodeFileListIndex(encodeFileListIndex(index)), index)
  t.equal(findBatch(index, Buffer.from('/a')), -1)
  t.same(subtreeBatches(index, Buffer.from('/a')), { first: 0, end: 0 })
  t.end()
})

t.test('damage is refused with a FormatError, right checksum or not', (t) => {
  holds(
    t,
    300,
    fc.property(
      fileRecords,
      fc.array(damage, { minLength: 10, maxLength: 10 }),
      fc.boolean(),
      (records, damages, sealed) => {
        const bytes = encodeFileListIndex(indexed(records).index)
        for (const one of damages) {
          const copy = damaged(bytes, one)
          if (copy.equals(bytes)) continue
          if (sealed && copy.length >= 48) {
            copy.writeBigUInt64LE(BigInt(copy.length), 12)
            seal(copy)
          }
          try {
            decodeFileListIndex(copy)
            if (!sealed) throw new Error('damage was not seen')
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
          }
        }
      },
    ),
  )
  t.end()
})

t.test('versions, lengths and impossible indexes', (t) => {
  const { index } = indexed([])
  const bytes = encodeFileListIndex(index)
  t.throws(() => decodeFileListIndex(Buffer.concat([bytes, bytes])), { code: 'FILE_LIST_INVALID' })
  t.throws(() => decodeFileListIndex(bytes.subarray(0, 20)), { code: 'FILE_LIST_TRUNCATED' })
  t.throws(() => decodeFileListIndex(Buffer.alloc(100)), { code: 'FORMAT_UNKNOWN' })
  bytes.writeUInt8(2, 8)
  t.throws(() => decodeFileListIndex(bytes), { code: 'FORMAT_VERSION_UNSUPPORTED' })
  t.throws(() => encodeFileListIndex({ ...index, entryCount: 5 }), TypeError)
  t.end()
})

t.test(
  'an index that leaves something out of its list, or claims a header that no list has, is none',
  (t) => {
    const records = ['/a', '/b', '/c'].map((path) => fileRecord(path, { digest: Buffer.alloc(200) }))
    const { list, index } = indexed(records)
    const [first, second, third] = index.batches
    if (first === undefined || second === undefined || third === undefined)
      throw new Error(`only ${index.batches.length} batches`)
    const refused = (fields: Partial<FileListIndex>): void =>
      void t.throws(() => encodeFileListIndex({ ...index, ...fields }), TypeError)
    refused({ batches: [first, third], entryCount: 2 })
    refused({ batches: [first, second], entryCount: 2 })
    refused({ fileListBytes: list.length + 1 })
    refused({ batches: [], entryCount: 0, fileListBytes: 2 ** 30 })
    const bytes = encodeFileListIndex({ ...index, batches: [], entryCount: 0, fileListBytes: first.offset })
    bytes.writeBigUInt64LE(2n ** 63n, 32)
    seal(bytes)
    t.throws(() => decodeFileListIndex(bytes), { code: 'FILE_LIST_INVALID' }, 'nobody reads so long a header')
    t.throws(() => FileListRuns.decode(bytes), { code: 'FILE_LIST_INVALID' }, 'nor where it is looked up')
    t.end()
  },
)
