import fc from 'fast-check'
import t from 'tap'
import { type Expiring, ExpiryList } from '../src/expiry-list.ts'
import { propertyRuns } from './property-runs.ts'

interface Item extends Expiring<Item> {
  readonly number: number
}

t.test(
  'whatever comes and goes, the first to expire is first, and of several the one that came first',
  async (t) => {
    const { numRuns, seed } = propertyRuns(t)
    const steps = fc.array(fc.record({ adds: fc.boolean(), at: fc.nat(5), pick: fc.nat() }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, (history) => {
        const list = new ExpiryList<Item>()
        const known: Item[] = []
        for (const [number, { adds, at, pick }] of history.entries()) {
          const one = known[pick % known.length]
          if (adds || one === undefined) {
            const item: Item = { number, expiresAt: at, sooner: undefined, later: undefined }
            list.add(item)
            known.push(item)
          } else {
            list.remove(one)
            known.splice(known.indexOf(one), 1)
            if (one.sooner !== undefined || one.later !== undefined) return false
          }
          const inOrder = [...known].sort((a, b) => a.expiresAt - b.expiresAt || a.number - b.number)
          const listed: Item[] = []
          for (let item = list.first; item !== undefined; item = item.later) listed.push(item)
          if (listed.length !== inOrder.length || listed.some((item, at) => item !== inOrder[at]))
            return false
        }
        return true
      }),
      { numRuns, seed },
    )
  },
)
