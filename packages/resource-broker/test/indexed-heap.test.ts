import fc from 'fast-check'
import t from 'tap'
import { IndexedHeap } from '../src/indexed-heap.ts'
import { propertyRuns } from './property-runs.ts'

interface Entry {
  value: number
  readonly order: number
  position: number
}
const compare = (a: Entry, b: Entry): number => a.value - b.value || a.order - b.order

t.test('a heap gives the least, whatever is put, moved and removed', async (t) => {
  const { numRuns, seed } = propertyRuns(t)
  const operation = fc.tuple(fc.constantFrom('put', 'move', 'remove'), fc.nat(), fc.nat(20))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const heap = new IndexedHeap<Entry>(compare)
      const model: Entry[] = []
      for (const [order, [what, pick, value]] of operations.entries()) {
        const entry = model[pick % model.length]
        if (what === 'put' || entry === undefined) {
          const added: Entry = { value, order, position: -1 }
          model.push(added)
          heap.put(added)
        } else if (what === 'move') {
          entry.value = value
          heap.put(entry)
        } else {
          model.splice(model.indexOf(entry), 1)
          heap.remove(entry)
          heap.remove(entry)
        }
        if (heap.peek() !== [...model].sort(compare)[0] || heap.size !== model.length) return false
      }
      return true
    }),
    { numRuns, seed },
  )
})
