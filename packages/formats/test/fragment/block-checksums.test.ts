import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { BlockChecksums, checkBlock } from '../../src/index.ts'
import { chunksOf } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'

t.test('each block has its own checksum, however the bytes come', (t) => {
  holds(
    t,
    100,
    fc.property(
      fc
        .uint8Array({ maxLength: 5000 })
        .chain((bytes) => fc.tuple(fc.constant(bytes), chunksOf(Buffer.from(bytes)))),
      ([bytes, chunks]) => {
        const sums = new BlockChecksums(512)
        for (const chunk of chunks) sums.update(chunk)
        assert.equal(sums.payloadBytes, bytes.length)
        const checksums = sums.finish()
        assert.equal(checksums.length, Math.ceil(bytes.length / 512) * 8)
        for (let at = 0; at < bytes.length; at += 512) {
          const block = Buffer.from(bytes.subarray(at, at + 512))
          checkBlock(block, checksums, at / 512)
          block.writeUInt8(block.readUInt8(0) ^ 1, 0)
          assert.throws(() => checkBlock(block, checksums, at / 512), { code: 'FRAGMENT_BLOCK_DAMAGED' })
        }
      },
    ),
  )
  t.end()
})

t.test('many blocks, and a block without a checksum', (t) => {
  const sums = new BlockChecksums(512)
  for (let index = 0; index < 9000; index++) sums.update(Buffer.alloc(512, index % 251))
  const checksums = sums.finish()
  t.equal(checksums.length, 72_000)
  for (const index of [0, 4095, 4096, 8191, 8192, 8999])
    checkBlock(Buffer.alloc(512, index % 251), checksums, index)
  t.throws(() => checkBlock(Buffer.alloc(512), checksums, 9000), { code: 'FRAGMENT_TRUNCATED' })
  t.throws(() => new BlockChecksums(0), TypeError)
  t.end()
})

t.test('the checksum is XXH3-64 with seed 0, little endian', (t) => {
  const sums = new BlockChecksums()
  sums.update(Buffer.from('a'))
  // From the reference implementation: XXH3_64bits("a") = e6c632b61e964e1f.
  t.equal(sums.finish().toString('hex'), '1f4e961eb632c6e6')
  t.end()
})
