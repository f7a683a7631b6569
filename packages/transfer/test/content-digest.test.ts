import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { ContentDigest, isDigestAlgorithm } from '../src/content-digest.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

t.test('pieces and holes of any size have the digest of the whole file', async () => {
  const pieces = fc.array(fc.record({ hole: fc.nat(700_000), data: fc.uint8Array({ maxLength: 5000 }) }), {
    maxLength: 5,
  })
  fc.assert(
    fc.property(pieces, fc.nat(300_000), (parts, tail) => {
      const size = parts.reduce((sum, { hole, data }) => sum + hole + data.length, tail)
      const file = Buffer.alloc(size)
      const digest = new ContentDigest('sha256', size)
      let at = 0
      for (const { hole, data } of parts) {
        at += hole
        file.set(data, at)
        digest.update(data, at)
        at += data.length
      }
      return digest.finish().toString('hex') === sha256(file)
    }),
    { numRuns: 60 },
  )
})

t.test('a file in one piece, and one without content', async (t) => {
  const whole = new ContentDigest('sha256', 5)
  whole.update(Buffer.from('whole'), 0)
  t.equal(whole.finish().toString('hex'), sha256(Buffer.from('whole')))
  t.equal(new ContentDigest('sha256', 0).finish().toString('hex'), sha256(Buffer.alloc(0)))
})

t.test('a long hole gives signs of life, and can be ended', async (t) => {
  let signs = 0
  const digest = new ContentDigest('sha256', 40 * 2 ** 20, () => void signs++)
  digest.finish()
  t.equal(signs, 2)
  const ended = new ContentDigest('sha256', 2 ** 50, () => {
    throw new Error('ended')
  })
  t.throws(() => ended.finish(), { message: 'ended' })
})

t.test('only algorithms that are known are names of one', async (t) => {
  t.ok(isDigestAlgorithm('sha256'))
  t.notOk(isDigestAlgorithm('crc'))
  t.notOk(isDigestAlgorithm('toString'))
  t.notOk(isDigestAlgorithm(undefined))
})

t.test('a long hole lets others go on, where that is asked for', async (t) => {
  const size = 50 * 2 ** 20
  const digest = new ContentDigest('sha256', size)
  let pauses = 0
  await digest.skipTo(size, async () => void pauses++)
  t.equal(pauses, 3)
  t.equal(digest.finish().toString('hex'), sha256(Buffer.alloc(size)))
})
