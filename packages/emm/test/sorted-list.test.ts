import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { SortedList } from '../src/sorted-list.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

t.test('it holds what a sorted array holds, in that order, over any additions and removals', async (t) => {
  const seed = numberSetting('NB_SEED', 20_260_101)
  const change = fc.record({ add: fc.boolean(), value: fc.integer({ min: 0, max: 1500 }) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4000, size: 'max' }), (changes) => {
      const list = new SortedList<number>((a, b) => a - b)
      const model = new Set<number>()
      for (const { add, value } of changes) {
        if (add) list.add(value)
        else if (list.delete(value) !== model.has(value)) return false
        if (add) model.add(value)
        else model.delete(value)
      }
      const expected = [...model].sort((a, b) => a - b)
      return (
        list.size === expected.length &&
        list.first() === expected[0] &&
        JSON.stringify([...list]) === JSON.stringify(expected)
      )
    }),
    { seed, numRuns: process.env['NB_LONG'] === '1' ? 500 : 20 },
  )
  t.pass('they agree')
})

t.test('an entry that is equal replaces the one that is in', async (t) => {
  const list = new SortedList<{ readonly key: number; readonly text: string }>((a, b) => a.key - b.key)
  list.add({ key: 1, text: 'old' })
  list.add({ key: 1, text: 'new' })
  t.same([...list], [{ key: 1, text: 'new' }])
})
