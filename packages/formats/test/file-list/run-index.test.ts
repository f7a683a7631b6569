import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  BatchCursor,
  FileListRuns,
  FormatError,
  encodeFileListIndex,
  findInRun,
  isWithin,
  scanBatches,
} from '../../src/index.ts'
import type { FileRecord } from '../../src/index.ts'
import { seal } from '../../src/file-list/frame.ts'
import { absolutePath, damage, damaged, fileRecords } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { listOf } from '../support/records.ts'

function indexed(records: readonly FileRecord[]): { list: Buffer; index: Buffer } {
  const { list, header } = listOf(records, 128)
  const { batches } = scanBatches(list.subarray(header.length), header.length)
  return {
    list,
    index: encodeFileListIndex({ batches, entryCount: records.length, fileListBytes: list.length }),
  }
}

t.test('runs lead to every entry, to nothing else, and to all of a subtree', (t) => {
  holds(
    t,
    60,
    fc.property(fileRecords, fc.array(absolutePath, { maxLength: 10 }), (records, others) => {
      const { list, index } = indexed(records)
      const runs = FileListRuns.decode(index)
      assert.equal(runs.entryCount, records.length)
      const run = (number: number): Buffer => list.subarray(runs.offset(number), runs.offset(number + 1))
      const find = (path: Buffer): FileRecord | undefined => {
        const number = runs.find(path)
        return number < 0 ? undefined : findInRun(run(number), path, runs.offset(number))
      }
      for (const record of records) assert.deepEqual(find(record.path), record)
      for (const path of others)
        assert.deepEqual(
          find(path),
          records.find((record) => record.path.equals(path)),
        )
      const cursor = new BatchCursor()
      for (const directory of [Buffer.from('/'), ...others]) {
        const { first, end } = runs.subtree(directory)
        const bytes = list.subarray(runs.offset(first), runs.offset(Math.max(first, end)))
        const found: FileRecord[] = []
        for (let at = 0; at < bytes.length;) {
          at = cursor.open(bytes, at)
          while (cursor.next()) if (isWithin(cursor.path, directory)) found.push(cursor.record())
        }
        assert.deepEqual(
          found,
          records.filter(({ path }) => isWithin(path, directory)),
        )
      }
    }),
  )
  t.end()
})

t.test('a cursor gives the attributes of any entry, whatever it has passed over', (t) => {
  holds(
    t,
    60,
    fc.property(fileRecords, fc.integer({ min: 1, max: 7 }), (records, step) => {
      const { list } = indexed(records)
      const header = listOf(records, 128).header.length
      const cursor = new BatchCursor()
      let number = 0
      for (let at = header; at < list.length;) {
        at = cursor.open(list, at, at)
        while (cursor.next()) {
          const record = records[number++]
          assert.deepEqual(cursor.path, record?.path)
          if (number % step === 0) assert.deepEqual(cursor.record(), record)
        }
      }
      assert.equal(number, records.length)
    }),
  )
  t.end()
})

t.test('a damaged index is refused, right checksum or not, or leads nowhere it should not', (t) => {
  holds(
    t,
    80,
    fc.property(fileRecords, damage, (records, damages) => {
      const { index } = indexed(records)
      const copy = damaged(index, damages)
      if (!copy.equals(index)) assert.throws(() => FileListRuns.decode(copy), FormatError)
      if (copy.length < 48) return
      copy.writeBigUInt64LE(BigInt(copy.length), 12)
      seal(copy)
      try {
        const runs = FileListRuns.decode(copy)
        for (let run = 0; run < runs.runCount; run++) assert.ok(runs.byteLength(run) > 0)
        runs.find(Buffer.from('/m'))
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }),
  )
  t.end()
})
