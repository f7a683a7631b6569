import fc from 'fast-check'
import t from 'tap'
import { matchDrives } from '../../src/smc/drive-elements.ts'
import { addressOf, kindsOfPlaces, placeOf } from '../../src/smc/geometry.ts'
import { propertyRuns } from '../property-runs.ts'

const text = (identifier: string) => ({
  codeSet: 2,
  association: 0,
  type: 1,
  identifier: Buffer.from(identifier),
})
const element = (address: number, identifier?: string) => ({
  type: 4,
  address,
  full: false,
  ...(identifier === undefined ? {} : { device: text(identifier) }),
})
const named = (elements: Parameters<typeof matchDrives>[0], drives: Parameters<typeof matchDrives>[1]) =>
  [...matchDrives(elements, drives)].map(([address, { name }]) => [address, name])

t.test('a drive is where the changer names its serial number', async (t) => {
  const drives = [
    { name: 'a', serial: 'S1' },
    { name: 'b', serial: 'S2' },
  ]
  t.same(named([element(1, 'NB      TAPE            S2'), element(2, 'S1')], drives), [
    [1, 'b'],
    [2, 'a'],
  ])
  t.same(
    named([element(1, 'S1'), element(2)], drives),
    [
      [1, 'a'],
      [2, 'b'],
    ],
    'the one left over is in the one left over',
  )
  t.same(
    named([element(1, 'S1'), element(2, 'S9')], drives),
    [[1, 'a']],
    'but not where another one is named',
  )
  t.same(named([element(1), element(2)], drives), [], 'nor where it might be two')
  t.same(
    named([element(1, 'XS1')], [...drives, { name: 'c', serial: 'XS1' }]),
    [],
    'an answer that fits two fits none',
  )
  t.same(named([element(1, 'S1')], [{ name: 'a', serial: '' }]), [])
})

t.test('places and addresses are the same things', async (t) => {
  const count = fc.nat(20)
  fc.assert(
    fc.property(count, count, count, (storage, drive, importExport) => {
      const addresses = {
        transport: { first: 1, count: 1 },
        importExport: { first: 100, count: importExport },
        drive: { first: 200, count: drive },
        storage: { first: 1000, count: storage },
      }
      const counts = { slot: storage, drive, 'import-export': importExport }
      return kindsOfPlaces.every((kind) =>
        Array.from({ length: counts[kind] }, (_, index) => ({ kind, number: index + 1 })).every((place) => {
          const found = placeOf(addresses, addressOf(addresses, place))
          return found?.kind === place.kind && found.number === place.number
        }),
      )
    }),
    propertyRuns(t),
  )
})
