import type { LibraryElement, Volume } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import {
  checkBarcodeReading,
  type BarcodeRule,
  meaningOf,
  type VolumeIdRule,
} from '../../src/devices/barcode-rules.ts'
import { compareInventory } from '../../src/devices/compare-inventory.ts'
import { homeFor, isOccupied } from '../../src/devices/stock.ts'
import { judgeLabel } from '../../src/volume/judge-label.ts'

t.test('a barcode says which volume it is, and what it is for', async (t) => {
  const meaning = (barcode: string, rules: readonly BarcodeRule[] = []) => meaningOf(barcode, { rules })
  t.match(meaning('NBT001L8'), { volumeId: 'NBT001', use: 'data', density: 'hcart', pool: 'NetBackup' })
  t.match(meaning('CLN001L1'), { use: 'cleaning' })
  t.match(meaning('CLN001L1', [{ prefix: 'CLN', use: 'ignore' }]), { use: 'ignore' }, 'said otherwise')
  t.match(meaning('CLN001L1', [{ use: 'data' }]), { use: 'cleaning' }, 'a rule for all is not about them')
  t.match(meaning('ABCDEFGH123456'), { volumeId: '123456' })
  t.match(meaning('A1'), { volumeId: 'A1' })
  t.equal(meaning('A-*'), undefined)
  const rules = [
    { prefix: 'NB', density: 'hcart2' },
    { prefix: 'NBX', use: 'ignore' as const },
    { pool: 'Scratch' },
  ]
  t.match(meaning('NBT001L8', rules), { density: 'hcart2', pool: 'NetBackup' }, 'the longest prefix counts')
  t.match(meaning('NBX001L8', rules), { use: 'ignore' })
  t.match(meaning('ZZZ001L8', rules), { pool: 'Scratch', density: 'hcart' })
})

t.test(
  'a volume id rule makes ids of barcodes of its length, one for the robot before one for all',
  async (t) => {
    const volumeIds = [
      { barcodeLength: 8, characters: [3, 4, 5, 6, 7, 8] },
      { barcodeLength: 8, characters: ['X', 2, 3, 4, 5, 6], robot: 'r2' },
      { barcodeLength: 9, characters: [9, '0'] },
    ]
    const id = (barcode: string, robot?: string) =>
      meaningOf(barcode, { rules: [], volumeIds }, robot)?.volumeId
    t.equal(id('NBT001L8'), 'T001L8')
    t.equal(id('NBT001L8', 'r1'), 'T001L8')
    t.equal(id('NBT001L8', 'r2'), 'XBT001')
    t.equal(id('ABCDEFGHI'), 'I0')
    t.equal(id('ABCDEFG'), 'BCDEFG', 'no rule for seven')
    t.equal(id('ABCDEFGH-'), undefined, 'what it takes is no part of an id')
  },
)

t.test('rules that can not be followed are refused', async (t) => {
  checkBarcodeReading({
    rules: [{ prefix: 'A' }, {}],
    volumeIds: [{ barcodeLength: 8, characters: [1, 'Z', 8] }],
  })
  const bad = (characters: readonly (number | string)[], barcodeLength = 8) =>
    t.throws(() => checkBarcodeReading({ rules: [], volumeIds: [{ barcodeLength, characters }] }), TypeError)
  bad([])
  bad([0])
  bad([9])
  bad([1.5])
  bad(['ab'])
  bad(['-'])
  bad([1, 2, 3, 4, 5, 6, 7])
  bad([1], 0)
  bad([1], 33)
  t.throws(
    () => checkBarcodeReading({ rules: [{ prefix: 'A' }, { prefix: 'A', use: 'ignore' }] }),
    /two barcode rules/,
  )
  t.throws(() => checkBarcodeReading({ rules: [{ pool: '' }] }), /are names/)
  const twins = [1, 2].map((position) => ({ barcodeLength: 8, characters: [position] }))
  t.throws(() => checkBarcodeReading({ rules: [], volumeIds: twins }), /two volume id rules/)
})

t.test(
  'a clash of ids, and a barcode on two cartridges, are told with the way out and change nothing',
  async (t) => {
    const slot = (number: number, barcode: string): LibraryElement => ({
      place: { kind: 'slot', number },
      barcode,
    })
    const compared = (
      inventory: readonly LibraryElement[],
      volumes: readonly Volume[],
      volumeIds: VolumeIdRule[] = [],
    ) => compareInventory({ robot: 'r1', inventory, volumes, barcodes: { rules: [], volumeIds } })
    const clashing = [slot(1, 'A00001L8'), slot(2, 'A00001L9')]
    t.match(compared(clashing, []), [
      { kind: 'new', volume: { volumeId: 'A00001', barcode: 'A00001L8' } },
      { kind: 'refused', barcode: 'A00001L9', why: /has barcode A00001L8: give barcodes of 8 characters/ },
    ])
    t.match(compared(clashing, [], [{ barcodeLength: 8, characters: [1, 4, 5, 6, 7, 8] }]), [
      { kind: 'new', volume: { volumeId: 'A001L8' } },
      { kind: 'new', volume: { volumeId: 'A001L9' } },
    ])
    const base = { density: 'hcart', pool: 'p', robot: 'r1', state: 'active', mounts: 0 } as const
    t.match(compared([slot(1, 'A00001L8')], [{ ...base, volumeId: 'A00001', slot: 1 }]), [
      { kind: 'refused', why: /without this barcode/ },
    ])
    const twice = [slot(1, 'A00001L8'), slot(2, 'A00001L8')]
    const found = compared(twice, [{ ...base, volumeId: 'A00001', barcode: 'A00001L8', slot: 3 }])
    t.same(
      found.map(({ kind }) => kind),
      ['refused', 'refused'],
      'neither moved nor gone',
    )
    t.same(
      compared(twice, []).map(({ kind }) => kind),
      ['refused', 'refused'],
      'nor added',
    )
  },
)

const element = fc.record({
  kind: fc.constantFrom('slot' as const, 'drive' as const, 'import-export' as const),
  full: fc.boolean(),
  readable: fc.boolean(),
})

function inventoryOf(
  found: readonly { kind: 'slot' | 'drive' | 'import-export'; full: boolean; readable: boolean }[],
) {
  const counts = new Map<string, number>()
  return found.map(({ kind, full, readable }, index): LibraryElement => {
    const number = (counts.get(kind) ?? 0) + 1
    counts.set(kind, number)
    const place = { kind, number }
    if (!full) return { place }
    return readable ? { place, barcode: `V${String(index).padStart(5, '0')}L8` } : { place, unlabelled: true }
  })
}

t.test('a volume goes home to an empty slot, to its own where that is empty', async () => {
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 12 }),
      fc.nat(6),
      fc.option(fc.nat(6)),
      (found, from, known) => {
        const inventory = inventoryOf(found)
        const empty = inventory.filter((one) => one.place.kind === 'slot' && !isOccupied(one))
        const home = homeFor(inventory, { kind: 'slot', number: from }, known ?? undefined)
        if (empty.length === 0) return home === undefined
        const isEmpty = (number: number) => empty.some(({ place }) => place.number === number)
        if (isEmpty(from)) return home?.kind === 'slot' && home.number === from
        if (known !== null && isEmpty(known)) return home?.number === known
        return home?.kind === 'slot' && isEmpty(home.number)
      },
    ),
  )
})

t.test('what an update did is known: compared again nothing differs but what was refused', async () => {
  const barcodes = { rules: [{ prefix: 'V' }] }
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 12 }),
      fc.array(element, { maxLength: 12 }),
      (before, after) => {
        const volumes = new Map<string, Volume>()
        for (const inventory of [inventoryOf(before), inventoryOf(after)]) {
          const compared = () =>
            compareInventory({ robot: 'r1', inventory, volumes: [...volumes.values()], barcodes })
          for (const difference of compared()) {
            if (difference.kind === 'new') volumes.set(difference.volume.volumeId, difference.volume)
            if (difference.kind === 'refused' || difference.kind === 'new') continue
            const volume = volumes.get(difference.volumeId) as Volume
            const { slot: _s, robot: _r, ...rest } = volume
            const to = difference.kind === 'moved' ? difference.to : undefined
            volumes.set(volume.volumeId, {
              ...rest,
              ...(difference.kind === 'moved' ? { robot: 'r1' } : {}),
              ...(to === undefined ? {} : { slot: to }),
            })
          }
          if (compared().some(({ kind }) => kind !== 'refused')) return false
        }
        return true
      },
    ),
  )
})

t.test('nothing that may hold data is labelled over', async (t) => {
  const volume = { volume: 'A00001', generation: 'g1', pool: 'p', created: new Date(0).toISOString() }
  const nb = { kind: 'nb', volume } as const
  const empty = { volumeId: 'A00001' }
  const full = { volumeId: 'A00001', assignedAt: 1 }
  t.match(judgeLabel(empty, { kind: 'blank' }, 'write'), { do: 'label' })
  t.same(judgeLabel(empty, nb, 'write'), { do: 'label', ifEmpty: true }, 'one that nobody knows')
  t.same(judgeLabel({ ...empty, generation: 'g2', files: 2 }, nb, 'write'), { do: 'label', ifEmpty: true })
  t.same(judgeLabel({ ...empty, generation: 'g1' }, nb, 'write'), { do: 'label' }, 'its images are gone')
  t.match(judgeLabel({ ...empty, generation: 'g1', files: 2 }, nb, 'write'), { do: 'use', generation: 'g1' })
  t.match(judgeLabel({ ...full, generation: 'g1' }, nb, 'write'), { do: 'use' })
  t.match(judgeLabel(full, nb, 'read'), { do: 'use' }, 'none is known: what is found counts')
  t.match(judgeLabel({ ...full, generation: 'g2' }, nb, 'read'), { do: 'refuse', freeze: true })
  t.match(judgeLabel(full, { kind: 'blank' }, 'write'), { do: 'refuse', freeze: true })
  t.match(judgeLabel(empty, { kind: 'blank' }, 'read'), { do: 'refuse', freeze: false })
  t.match(judgeLabel({ volumeId: 'B00001' }, nb, 'write'), { do: 'refuse', why: /label of volume A00001/ })
  for (const found of [
    { kind: 'nb-damaged' },
    { kind: 'nb-newer' },
    { kind: 'unreadable' },
    { kind: 'foreign', writer: 'tar' },
  ] as const)
    t.match(judgeLabel(empty, found, 'write'), { do: 'refuse', freeze: true }, found.kind)
})
