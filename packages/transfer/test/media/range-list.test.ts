import fc from 'fast-check'
import t from 'tap'
import { RangeList } from '../../src/media/range-list.ts'

t.test('merged ranges cover exactly what was added, in order, with gaps between', (t) => {
  const range = fc.record({ offset: fc.nat({ max: 300 }), bytes: fc.integer({ min: 1, max: 40 }) })
  fc.assert(
    fc.property(fc.array(range, { maxLength: 40 }), (added) => {
      const list = new RangeList()
      const wanted = new Set<number>()
      for (const { offset, bytes } of added) {
        list.add(offset, bytes)
        for (let at = offset; at < offset + bytes; at++) wanted.add(at)
      }
      const covered = list.merge()
      const ranges = [...list.ranges()]
      const found = new Set<number>()
      let end = -1
      for (const { offset, bytes } of ranges) {
        if (offset <= end) return false
        end = offset + bytes
        for (let at = offset; at < end; at++) found.add(at)
      }
      return covered === wanted.size && found.size === wanted.size && [...wanted].every((at) => found.has(at))
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test('a million ranges that are in order need no sorting', (t) => {
  const list = new RangeList()
  for (let index = 0; index < 1_000_000; index++) list.add(index * 1024, 512)
  t.equal(list.merge(), 512_000_000)
  t.equal(list.count, 1_000_000)
  t.end()
})
