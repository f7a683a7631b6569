import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  FileListDecoder,
  FileListEncoder,
  FormatError,
  comparePaths,
  decodeBatch,
  decodeFileListHeader,
  findInBatch,
  scanBatches,
  scanPaths,
} from '../../src/index.ts'
import type { BatchFrame, FileListHeader, FileRecord } from '../../src/index.ts'
import { seal } from '../../src/file-list/frame.ts'
import { absolutePath, chunksOf, damage, damaged, fileRecords } from '../support/arbitraries.ts'
import { fileRecord, listOf } from '../support/records.ts'
import { holds } from '../support/holds.ts'

t.test('what is encoded is decoded, whatever the records and however the bytes come', (t) => {
  holds(
    t,
    300,
    fc.property(
      fileRecords.chain((records) => fc.tuple(fc.constant(records), chunksOf(listOf(records, 512).list))),
      ([records, chunks]) => {
        const decoded: FileRecord[] = []
        const frames: BatchFrame[] = []
        const headers: FileListHeader[] = []
        const decoder = new FileListDecoder()
        for (const chunk of chunks)
          decoder.push(chunk, {
            onHeader: (header) => headers.push(header),
            onBatch: (frame) => frames.push(frame),
            onRecord: (record) => decoded.push(record),
          })
        decoder.finish()
        assert.deepEqual(decoded, records)
        assert.deepEqual(headers, [{ images: ['this', 'earlier', 'first'] }])
        const { list, header } = listOf(records, 512)
        const { batches, consumedBytes } = scanBatches(list.subarray(header.length), header.length)
        assert.equal(consumedBytes, list.length - header.length)
        assert.deepEqual(batches, frames)
      },
    ),
  )
  t.end()
})

t.test('each entry is found in its batch, and nothing else is', (t) => {
  holds(
    t,
    100,
    fc.property(fileRecords, fc.array(absolutePath, { maxLength: 20 }), (records, others) => {
      const { batches } = listOf(records)
      const [batch] = batches
      if (batch === undefined) return
      const paths: Buffer[] = []
      scanPaths(batch, (path) => void paths.push(Buffer.from(path)))
      const held = decodeBatch(batch)
      assert.deepEqual(
        paths,
        held.map((record) => record.path),
      )
      for (const record of held) assert.deepEqual(findInBatch(batch, record.path), record)
      for (const path of others) {
        const expected = held.find((record) => record.path.equals(path))
        assert.deepEqual(findInBatch(batch, path), expected)
      }
    }),
  )
  t.end()
})

t.test('a scan of paths ends when told', (t) => {
  const [batch = Buffer.alloc(0)] = listOf([fileRecord('/a'), fileRecord('/b'), fileRecord('/c')]).batches
  const seen: string[] = []
  scanPaths(batch, (path, index) => {
    seen.push(`${index}${path.toString()}`)
    return index < 1
  })
  t.same(seen, ['0/a', '1/b'])
  t.end()
})

t.test('any damage is refused with a FormatError', (t) => {
  holds(
    t,
    400,
    fc.property(fileRecords, fc.array(damage, { minLength: 10, maxLength: 10 }), (records, damages) => {
      const { list } = listOf(records, 256)
      for (const one of damages) {
        const copy = damaged(list, one)
        const decoder = new FileListDecoder()
        let decoded = 0
        try {
          decoder.push(copy, { onRecord: () => decoded++ })
          decoder.finish()
          // A cut between batches cannot be seen from inside; all else is.
          if (!list.subarray(0, copy.length).equals(copy)) throw new Error('damage was not seen')
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      }
    }),
  )
  t.end()
})

t.test('hostile batches with right checksums give a FormatError or ordered, bounded records', (t) => {
  let refused = 0
  holds(
    t,
    400,
    fc.property(fileRecords, fc.array(damage, { minLength: 10, maxLength: 10 }), (records, damages) => {
      const [batch] = listOf(records).batches
      if (batch === undefined) return
      for (const one of damages) {
        const copy = damaged(batch, one)
        if (copy.length < 40) continue
        copy.writeUInt32LE(copy.length, 8)
        seal(copy)
        try {
          const decoded = decodeBatch(copy)
          for (const [index, record] of decoded.entries()) {
            const before = decoded[index - 1]
            if (before !== undefined && comparePaths(before.path, record.path) >= 0)
              throw new Error('out of order')
            if (!Number.isSafeInteger(record.memberOffset + record.memberBytes)) throw new Error('unsafe')
          }
          findInBatch(copy, Buffer.from('/m'))
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
          refused++
        }
      }
    }),
  )
  t.ok(refused > 500, `${refused} of 4000 refused`)
  t.end()
})

/** Big enough that two fill a batch of 64 bytes. */
const three = ['/a', '/b', '/c'].map((path) => fileRecord(path, { digest: Buffer.alloc(32) }))

t.test('batches out of order are refused, decoded or not', (t) => {
  const { header, batches } = listOf(three, 64)
  t.equal(batches.length, 2)
  const swapped = Buffer.concat([header, ...[...batches].reverse()])
  t.throws(() => new FileListDecoder().push(swapped, {}), { code: 'FILE_LIST_ORDER' })
  t.throws(() => new FileListDecoder().push(swapped, { onRecord() {} }), { code: 'FILE_LIST_ORDER' })
  t.throws(() => scanBatches(swapped.subarray(header.length)), { code: 'FILE_LIST_ORDER' })
  const twice = Buffer.concat([header, ...batches, ...batches.slice(-1)])
  t.throws(() => new FileListDecoder().push(twice, {}), { code: 'FILE_LIST_ORDER' })
  t.end()
})

t.test('a relay keeps the beginning of the next batch', (t) => {
  const { batches } = listOf(three, 64)
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = batches
  for (const cut of [0, 1, 15, 16, second.length - 1]) {
    const { batches: whole, consumedBytes } = scanBatches(
      Buffer.concat([first, second.subarray(0, cut)]),
      500,
    )
    t.equal(consumedBytes, first.length)
    t.same(
      whole.map((batch) => [batch.offset, batch.firstPath.toString()]),
      [[500, '/a']],
    )
  }
  t.end()
})

t.test('a newer major version is refused by name, in header and batch', (t) => {
  const { header, batches } = listOf([fileRecord('/a')])
  const [batch = Buffer.alloc(0)] = batches
  header.writeUInt8(2, 8)
  batch.writeUInt8(2, 4)
  const expected = { code: 'FORMAT_VERSION_UNSUPPORTED', message: /nb-files\/2.*nb-files\/1/ }
  t.throws(() => decodeFileListHeader(header), expected)
  t.throws(() => new FileListDecoder().push(header, {}), expected)
  t.throws(() => decodeBatch(batch), expected)
  t.throws(() => scanBatches(batch), expected)
  t.end()
})

t.test('what is no file list is refused', (t) => {
  t.throws(() => decodeFileListHeader(Buffer.alloc(100)), { code: 'FORMAT_UNKNOWN' })
  t.throws(() => decodeFileListHeader(Buffer.from('nb-f')), { code: 'FILE_LIST_TRUNCATED' })
  t.throws(() => new FileListDecoder().finish(), { code: 'FILE_LIST_TRUNCATED' })
  t.throws(() => decodeBatch(Buffer.alloc(100)), { code: 'FILE_LIST_INVALID' })
  const { header } = listOf([])
  t.throws(() => decodeFileListHeader(header.subarray(0, -1)), { code: 'FILE_LIST_TRUNCATED' })
  t.end()
})

t.test('a record in an image that the header does not name is refused', (t) => {
  const header = new FileListEncoder({ images: ['this'], digestAlgorithm: 'sha256' }).header()
  const { batches } = listOf([fileRecord('/a', { imageIndex: 2 })])
  const list = Buffer.concat([header, ...batches])
  t.throws(() => new FileListDecoder().push(list, { onRecord() {} }), { code: 'FILE_LIST_INVALID' })
  t.equal(decodeFileListHeader(list).header.digestAlgorithm, 'sha256')
  t.end()
})
