import t from 'tap'
import { type BatchFrame, groupBatches } from '../../src/index.ts'

function framesOf(...sizes: number[]): BatchFrame[] {
  let offset = 100
  return sizes.map((byteLength, number) => {
    const frame = { offset, byteLength, entryCount: number + 1, firstPath: Buffer.from(`/${number}`) }
    offset += byteLength
    return frame
  })
}

t.test('small batches are put together up to 16 KiB, big ones stand alone', async (t) => {
  const groups = groupBatches(framesOf(5000, 6000, 5384, 1, 20_000, 16_000, 384))
  t.same(
    groups.map(({ offset, byteLength, entryCount, firstPath }) => [
      offset,
      byteLength,
      entryCount,
      String(firstPath),
    ]),
    [
      [100, 16_384, 6, '/0'],
      [16_484, 1, 4, '/3'],
      [16_485, 20_000, 5, '/4'],
      [36_485, 16_384, 13, '/5'],
    ],
  )
  t.same(groupBatches([]), [])
})
