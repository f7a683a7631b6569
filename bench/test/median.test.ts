import t from 'tap'
import { median } from '../src/median.ts'

t.test('the middle, whatever the order', async (t) => {
  t.equal(median([3]), 3)
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([10, 2, 4, 100]), 7)
  t.throws(() => median([]), TypeError)
})

t.test('what was given stays as it was', async (t) => {
  const values = [3, 1, 2]
  median(values)
  t.same(values, [3, 1, 2])
})
