import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  BatchCursor,
  CarriedBatch,
  FileListDecoder,
  FileListEncoder,
  type FileRecord,
  type WholeBatch,
} from '../../src/index.ts'
import { fileRecords } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { fileRecord, listOf } from '../support/records.ts'

const laterImages = ['later', 'this', 'earlier', 'first']

function carried(batch: WholeBatch): CarriedBatch {
  const carried = new CarriedBatch(batch)
  const cursor = new BatchCursor()
  cursor.openChecked(batch.bytes, batch.open)
  while (cursor.next()) carried.take(cursor.attributes())
  assert.ok(carried.isWhole)
  return carried
}

/** The list after one of these records, all of whose batches are carried over. */
function laterList(records: readonly FileRecord[], batchBytes: number): Buffer {
  const encoder = new FileListEncoder({ images: laterImages })
  const pieces = [encoder.header()]
  const decoder = new FileListDecoder()
  let firstRecord = 0
  decoder.push(listOf(records, batchBytes).list, {
    onWholeBatch: (batch) => {
      const { entryCount, firstPath } = batch.open
      const last = records[firstRecord + entryCount - 1] as FileRecord
      encoder.carried(entryCount, firstPath, last.path)
      pieces.push(carried(batch).encode())
      firstRecord += entryCount
    },
  })
  assert.equal(encoder.entryCount, records.length)
  return Buffer.concat(pieces)
}

function recordsOf(list: Buffer): FileRecord[] {
  const records: FileRecord[] = []
  const decoder = new FileListDecoder()
  decoder.push(list, { onRecord: (record) => void records.push(record) })
  decoder.finish()
  return records
}

t.test('a batch that is carried over says what it said, of images that are each one further', (t) => {
  holds(
    t,
    100,
    fc.property(fileRecords, fc.constantFrom(64, 400, 16_384), (records, batchBytes) => {
      const later = records.map((record) => ({ ...record, imageIndex: record.imageIndex + 1 }))
      assert.deepEqual(recordsOf(laterList(records, batchBytes)), later)
    }),
  )
  t.end()
})

t.test('they are, byte for byte, the batches that are written of their entries', (t) => {
  holds(
    t,
    100,
    fc.property(fileRecords, (records) => {
      const encoder = new FileListEncoder({ images: laterImages, batchBytes: 16_384 })
      const batches = records.map((record) => encoder.add({ ...record, imageIndex: record.imageIndex + 1 }))
      const written = [...batches, encoder.flush()].filter((batch) => batch !== undefined)
      const whole = Buffer.concat([encoder.header(), ...written])
      assert.ok(laterList(records, 16_384).equals(whole))
    }),
  )
  t.end()
})

t.test('a carried batch stands in the order of the list, and not inside another batch', (t) => {
  const encoder = new FileListEncoder({ images: laterImages })
  const [a, b, c] = ['/a', '/b', '/c'].map((path) => Buffer.from(path)) as [Buffer, Buffer, Buffer]
  encoder.carried(2, a, b)
  t.throws(() => encoder.carried(1, b, b), TypeError, 'not above all before')
  t.throws(() => encoder.add(fileRecord('/b')), TypeError)
  encoder.add(fileRecord('/bb'))
  t.throws(() => encoder.carried(1, c, c), TypeError, 'a batch is open')
  encoder.flush()
  encoder.carried(1, c, c)
  t.equal(encoder.entryCount, 4)
  t.end()
})
