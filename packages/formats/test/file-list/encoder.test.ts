import t from 'tap'
import { FileListEncoder, decodeBatch } from '../../src/index.ts'
import type { FileRecord } from '../../src/index.ts'
import { fileRecord, listOf } from '../support/records.ts'

t.test('a batch is closed when it is full, and each stands alone', (t) => {
  const records = Array.from({ length: 1000 }, (_, index) => fileRecord(`/d/file-${10_000 + index}`))
  const { batches } = listOf(records, 1024)
  t.ok(batches.length > 5)
  for (const batch of batches.slice(0, -1)) t.ok(batch.length > 1024 && batch.length < 1200)
  t.same(
    batches.flatMap((batch) => decodeBatch(batch)),
    records,
  )
  t.end()
})

t.test('long paths close a batch before its decoded form is big', (t) => {
  const long = `/${'x'.repeat(60_000)}`
  const records = Array.from({ length: 300 }, (_, index) => fileRecord(`${long}${1000 + index}`))
  const { batches } = listOf(records, 131_072)
  t.ok(batches.length >= 4)
  t.same(batches.flatMap((batch) => decodeBatch(batch)).length, 300)
  t.end()
})

t.test('an unchanged tree in order costs a few bytes beyond its names', (t) => {
  const records: FileRecord[] = []
  let offset = 0
  for (let index = 0; index < 10_000; index++) {
    const sizeBytes = (index * 7919) % 20_000
    const memberBytes = 1536 + Math.ceil(sizeBytes / 512) * 512
    const allocatedBytes = Math.ceil(sizeBytes / 4096) * 4096
    const mtimeNs = 1_700_000_000_000_000_000n + BigInt((index * 48_271) % 2_147_483_647) * 1_000_003n
    const identity = { device: 2049n, inode: BigInt(500_000 + index) }
    const path = `/home/user/${100 + (index >> 7)}/${10_000 + index}.data`
    const place = { memberOffset: offset, memberBytes }
    records.push(
      fileRecord(path, {
        sizeBytes,
        allocatedBytes,
        mtimeNs,
        ctimeNs: mtimeNs + 12_345n,
        identity,
        ...place,
      }),
    )
    offset += memberBytes
  }
  const { list } = listOf(records)
  t.ok(list.length / records.length < 24, `${list.length / records.length} bytes an entry`)
  t.end()
})

t.test('records out of order or out of range are refused and not added', (t) => {
  const encoder = new FileListEncoder({ images: ['this'] })
  encoder.add(fileRecord('/b'))
  const wrong: FileRecord[] = [
    fileRecord('/b'),
    fileRecord('/a'),
    fileRecord('c'),
    fileRecord('/c/'),
    fileRecord('/c//d'),
    fileRecord('/c\0'),
    fileRecord('/'.padEnd(70_000, 'x')),
    fileRecord('/c', { mode: -1 }),
    fileRecord('/c', { uid: 0.5 }),
    fileRecord('/c', { sizeBytes: Number.MAX_SAFE_INTEGER }),
    fileRecord('/c', { imageIndex: 1 }),
    fileRecord('/c', { memberOffset: Number.MAX_SAFE_INTEGER }),
    fileRecord('/c', { mtimeNs: 2n ** 63n }),
    fileRecord('/c', { ctimeNs: -(2n ** 63n) - 1n }),
    fileRecord('/c', { identity: { device: -1n, inode: 0n } }),
    fileRecord('/c', { identity: { device: 0n, inode: 2n ** 64n } }),
    fileRecord('/c', { kind: 'symlink' }),
    fileRecord('/c', { linkTarget: Buffer.from('x') }),
    fileRecord('/c', { kind: 'fifo', deviceMajor: 1, deviceMinor: 1 }),
    fileRecord('/c', { kind: 'block-device', deviceMajor: 1 }),
    fileRecord('/c', { digest: Buffer.alloc(256) }),
  ]
  for (const record of wrong) t.throws(() => encoder.add(record), TypeError)
  t.equal(encoder.entryCount, 1)
  t.throws(() => new FileListEncoder({ images: [] }), TypeError)
  t.throws(() => new FileListEncoder({ images: ['x'], batchBytes: 1 }), TypeError)
  t.end()
})

t.test('the caller may use the memory of a path again', (t) => {
  const encoder = new FileListEncoder({ images: ['this'] })
  const path = Buffer.from('/a')
  encoder.add(fileRecord('/a', { path }))
  path.write('/b')
  encoder.add(fileRecord('/b', { path }))
  path.write('/c')
  const batch = encoder.flush() ?? Buffer.alloc(0)
  t.same(
    decodeBatch(batch).map((record) => record.path.toString()),
    ['/a', '/b'],
  )
  t.equal(encoder.flush(), undefined)
  t.end()
})
