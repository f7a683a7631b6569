import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ByteWriter } from '../../src/file-list/byte-writer.ts'
import { openBatch } from '../../src/file-list/frame.ts'
import { BatchCursor, instantOf, type FileRecord } from '../../src/index.ts'
import { fileRecords } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { plainAttributes } from '../support/plain-attributes.ts'
import { listOf } from '../support/records.ts'

t.test('attributes are written as big integers would write them', (t) => {
  const property = fc.property(fileRecords, (records) => {
    let from = 0
    for (const batch of listOf(records, 1024).batches) {
      const { attributesStart, end, entryCount } = openBatch(batch, 0, 0)
      const own = records.slice(from, from + entryCount)
      assert.deepEqual(batch.subarray(attributesStart, end), plainAttributes(own))
      from += entryCount
    }
    assert.equal(from, records.length)
  })
  holds(t, 150, property)
  t.end()
})

t.test('a time of any distance is the varint of its nanoseconds', (t) => {
  const whole = fc.oneof(
    fc.nat({ max: 2 ** 18 }),
    fc.nat({ max: 2 ** 31 - 1 }).map((count) => count * 4),
  )
  const property = fc.property(
    fc.boolean(),
    whole,
    fc.nat({ max: 999_999_999 }),
    (isNegative, count, rest) => {
      const [ours, plain] = [new ByteWriter(16), new ByteWriter(16)]
      const value = BigInt(count) * 1_000_000_000n + BigInt(rest)
      ours.signedProduct(isNegative && value !== 0n, count, 1_000_000_000, rest)
      plain.signed(isNegative ? -value : value)
      assert.deepEqual(ours.written, plain.written)
    },
  )
  holds(t, 500, property)
  t.end()
})

t.test('an entry is compared with what a file is now to the nanosecond and the last bit', (t) => {
  const property = fc.property(fileRecords, (records) => {
    const cursor = new BatchCursor()
    let at = 0
    for (const batch of listOf(records).batches) {
      cursor.open(batch)
      while (cursor.next()) checkComparison(cursor, records[at++] as FileRecord)
    }
  })
  holds(t, 50, property)
  t.end()
})

function checkComparison(cursor: BatchCursor, record: FileRecord): void {
  const attributes = cursor.attributes()
  const { mtimeNs, ctimeNs, identity } = record
  const times = (mtimeNs: bigint, ctimeNs: bigint): boolean => {
    const mtime = instantOf(mtimeNs)
    const ctime = instantOf(ctimeNs)
    return attributes.hasTimes(mtime.seconds, mtime.nanos, ctime.seconds, ctime.nanos)
  }
  assert.ok(times(mtimeNs, ctimeNs))
  assert.ok(!times(mtimeNs + 1n, ctimeNs) && !times(mtimeNs, ctimeNs - 1n))
  const is = (device: bigint, inode: bigint): boolean =>
    attributes.hasIdentity(high(device), low(device), high(inode), low(inode))
  const { device, inode } = identity
  assert.ok(is(device, inode))
  for (const bit of [1n, 1n << 31n, 1n << 32n, 1n << 63n])
    assert.ok(!is(device ^ bit, inode) && !is(device, inode ^ bit))
  assert.equal(attributes.mode, record.mode)
  assert.deepEqual(attributes.linkTarget, record.linkTarget)
  assert.deepEqual(attributes.digest, record.digest)
  assert.ok(
    record.deviceMajor === undefined || attributes.hasDevice(record.deviceMajor, record.deviceMinor ?? -1),
  )
}

function high(value: bigint): number {
  return Number(value >> 32n)
}

function low(value: bigint): number {
  return Number(value & 0xffff_ffffn)
}
