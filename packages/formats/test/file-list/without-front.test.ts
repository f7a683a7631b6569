import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  FileListDecoder,
  type FileRecord,
  batchWithoutFront,
  comparePaths,
  isWithin,
} from '../../src/index.ts'
import { fileRecords } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { fileRecord, listOf } from '../support/records.ts'

const root = Buffer.from('/')

/** What is left of the records of a list when every batch has lost its front; `undefined` where one can't. */
function without(
  front: Buffer,
  records: readonly FileRecord[],
  batchBytes: number,
): FileRecord[] | undefined {
  const { list, header } = listOf(records, batchBytes)
  const cut: Buffer[] = []
  let isCut = true
  const decoder = new FileListDecoder()
  decoder.push(list, {
    onWholeBatch: (batch) => {
      const one = batchWithoutFront(batch, front)
      if (one === undefined) isCut = false
      else cut.push(Buffer.from(one))
    },
  })
  if (!isCut) return undefined
  const left: FileRecord[] = []
  const again = new FileListDecoder()
  again.push(Buffer.concat([header, ...cut]), { onRecord: (record) => void left.push(record) })
  again.finish()
  return left
}

function cutBy(front: Buffer, path: Buffer): Buffer {
  if (front.length === 1) return path
  return path.length === front.length ? root : path.subarray(front.length)
}

t.test('a list whose batches lose their front is the list of the paths without it', (t) => {
  const fronts = fc.constantFrom('/', '/srv', '/srv/www', '/s').map((text) => Buffer.from(text))
  holds(
    t,
    50,
    fc.property(fileRecords, fronts, fc.constantFrom(64, 200, 16_384), (records, front, batchBytes) => {
      const below = records.map((record) => {
        const path = record.path.length === 1 ? front : Buffer.concat([front, record.path])
        return { ...record, path: front.length === 1 ? record.path : path }
      })
      const expected = below.map((record) => ({ ...record, path: cutBy(front, record.path) }))
      assert.deepEqual(without(front, below, batchBytes), expected)
    }),
  )
  t.end()
})

t.test('a path that is elsewhere is told, wherever it stands', (t) => {
  const front = Buffer.from('/srv')
  for (const elsewhere of ['/', '/sru', '/srv-old', '/srv.', '/srvx/a', '/t']) {
    const paths = ['/srv', '/srv/a', '/srv/a/b', elsewhere]
    const records = paths.map((path) => fileRecord(path)).sort((a, b) => comparePaths(a.path, b.path))
    for (const some of [records, records.filter(({ path }) => !isWithin(path, Buffer.from('/srv/a')))])
      t.equal(without(front, some, 16_384), undefined, elsewhere)
  }
  t.end()
})
