import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { business, byBusiness } from '../src/load-balance.ts'

const at = (name: string, load: number | undefined, inUse: number, limit: number, lastSelected = 0) => ({
  name,
  ...(load === undefined ? {} : { load }),
  inUse,
  limit,
  lastSelected,
})
const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name)

t.test('reported load and the share of the limit in use count alike', async (t) => {
  t.same(names(byBusiness([at('a', 0.9, 0, 4), at('b', 0.1, 2, 4), at('c', 0.1, 1, 4)])), ['c', 'b', 'a'])
})

t.test('silence counts as half a load, a limit of 0 as full', async (t) => {
  t.same(names(byBusiness([at('silent', undefined, 0, 4), at('busy', 0.6, 0, 4), at('idle', 0.4, 0, 4)])), [
    'idle',
    'silent',
    'busy',
  ])
  t.equal(business(at('off', 0, 0, 0)), 1)
})

t.test('of equally busy ones the one selected longest ago, then the order given', async (t) => {
  t.same(names(byBusiness([at('a', 0, 0, 1, 7), at('b', 0, 0, 1, 3), at('c', 0, 0, 1, 3)])), ['b', 'c', 'a'])
})

t.test('nothing is lost, and the first is never busier than another', async (t) => {
  const entry = fc.record({
    load: fc.float({ min: 0, max: 1, noNaN: true }),
    inUse: fc.nat(9),
    limit: fc.nat(9),
    lastSelected: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
      const sorted = byBusiness(entries)
      return (
        sorted.length === entries.length &&
        entries.every((one) => business(sorted[0] ?? one) <= business(one))
      )
    }),
    { seed: numberSetting('NB_SEED', 20_260_101) },
  )
  t.pass('they are all there')
})
