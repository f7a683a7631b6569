import type { MediaNeed, StorageChoice } from '@nb/contracts'
import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { decideCopies } from '../src/decide-copies.ts'
import { Inventory } from '../src/inventory.ts'
import { disk, rules } from './site.ts'

const names = ['d1', 'd2', 'd3', 'd4', 'd5']
const groups = ['g1', 'g2', 'g3']

interface Site {
  readonly servers: readonly number[]
  readonly limits: readonly number[]
  readonly members: readonly (readonly string[])[]
  readonly copies: readonly StorageChoice[]
}

const choice: fc.Arbitrary<StorageChoice> = fc.oneof(
  fc.constantFrom(...names).map((name) => ({ kind: 'unit' as const, name })),
  fc.constantFrom(...groups).map((name) => ({ kind: 'group' as const, name })),
  fc.constant({ kind: 'any' as const }),
)
const site: fc.Arbitrary<Site> = fc.record({
  servers: fc.array(fc.nat(1), { minLength: 5, maxLength: 5 }),
  limits: fc.array(fc.nat(2), { minLength: 5, maxLength: 5 }),
  members: fc.array(fc.subarray(names, { minLength: 1 }), { minLength: 3, maxLength: 3 }),
  copies: fc.array(choice, { minLength: 2, maxLength: 4 }),
})

function inventoryOf({ servers, limits, members }: Site): Inventory {
  const inventory = new Inventory()
  for (const [index, name] of names.entries()) {
    const value = disk(name, { mediaServer: `media${servers[index]}`, maxConcurrentJobs: limits[index] ?? 0 })
    inventory.apply({ table: 'units', key: name, value })
  }
  inventory.apply({ table: 'pools', key: 'NetBackup', value: { name: 'NetBackup', scratch: false } })
  for (const [index, name] of groups.entries())
    inventory.apply({
      table: 'groups',
      key: name,
      value: { name, members: members[index] ?? [], selection: 'prioritised' },
    })
  return inventory
}

function unitsOf({ members }: Site, storage: StorageChoice): readonly string[] {
  if (storage.kind === 'any') return names
  return storage.kind === 'unit' ? [storage.name] : (members[groups.indexOf(storage.name)] ?? [])
}

/** Whether there is any way to put all copies on disks of their own, of one media server, that take a job. */
function canBePlaced(all: Site, server: number, at: number, taken: readonly string[]): boolean {
  const storage = all.copies[at]
  if (storage === undefined) return true
  return unitsOf(all, storage).some((name) => {
    const index = names.indexOf(name)
    if (taken.includes(name) || all.servers[index] !== server || (all.limits[index] ?? 0) < 1) return false
    return canBePlaced(all, server, at + 1, [...taken, name])
  })
}

function needOf(copies: readonly StorageChoice[]): Extract<MediaNeed, { kind: 'write' }> {
  const [first = { kind: 'any' as const }, ...others] = copies
  const place = (storage: StorageChoice) => ({ storage, volumePool: 'NetBackup', retentionLevel: 1 })
  return { kind: 'write', ...place(first), further: others.map(place) }
}

const stateOf = (inventory: Inventory): string =>
  JSON.stringify([
    [...inventory.allocations],
    [...inventory.selections],
    names.map((name) => [inventory.holds.onUnit(name).size, inventory.holds.committedOn(name)]),
  ])

t.test('copies are placed wherever there is a way to, and deciding changes nothing', async (t) => {
  fc.assert(
    fc.property(site, (all) => {
      const inventory = inventoryOf(all)
      const before = stateOf(inventory)
      const need = needOf(all.copies)
      const decision = decideCopies(inventory, { allocationId: 'a', jobId: '1', need }, rules)
      const possible = [0, 1].some((server) => canBePlaced(all, server, 0, []))
      if (stateOf(inventory) !== before) throw new Error('the inventory has changed')
      if ('denial' in decision) {
        if (possible) throw new Error('there is a way to place them')
        if (decision.denial.blockers.length === 0) throw new Error('a denial without a reason')
        return
      }
      const units = decision.all.map(({ allocation }) => allocation.storageUnit)
      if (new Set(units).size !== all.copies.length) throw new Error('two copies on one disk')
      if (new Set(decision.all.map(({ allocation }) => allocation.mediaServer)).size !== 1)
        throw new Error('on two media servers')
      for (const [index, storage] of all.copies.entries())
        if (!unitsOf(all, storage).includes(units[index] ?? '')) throw new Error('not where it may go')
    }),
    { numRuns: 2000, seed: numberSetting('NB_SEED', 20260101) },
  )
  t.pass()
})
