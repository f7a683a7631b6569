import type { StorageUnitGroup } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { Inventory } from '../src/inventory.ts'
import { disk } from './site.ts'

const names = ['disk1', 'disk2', 'disk3', 'disk4']
const group: StorageUnitGroup = { name: 'disks', members: [...names].reverse(), selection: 'round-robin' }

t.test('whose turn it is, is what a sort by the last selection says', async () => {
  const step = fc.record({ unit: fc.nat(3), behind: fc.nat(9), look: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const site = new Inventory()
      for (const name of names) site.apply({ table: 'units', key: name, value: disk(name) })
      site.apply({ table: 'groups', key: group.name, value: group })
      const sorted = () =>
        [...group.members].sort((a, b) => site.lastSelected(`unit:${a}`) - site.lastSelected(`unit:${b}`))
      for (const { unit, behind, look } of steps) {
        // What is read from a store comes in no order.
        const value = behind === 0 ? undefined : Math.max(1, site.nextSelection() - (behind > 7 ? behind : 0))
        site.apply({ table: 'selections', key: `unit:${names[unit] ?? ''}`, value })
        if (
          look &&
          sorted().join() !==
            site
              .rotationOf(group)
              .map(({ name }) => name)
              .join()
        )
          return false
      }
      return (
        sorted().join() ===
        site
          .rotationOf(group)
          .map(({ name }) => name)
          .join()
      )
    }),
  )
})

t.test('a group that changes, or one of its storage units, is looked up anew', async (t) => {
  const site = new Inventory()
  for (const name of names) site.apply({ table: 'units', key: name, value: disk(name) })
  site.apply({ table: 'groups', key: group.name, value: group })
  t.same(
    site.membersOf(group).map(({ name }) => name),
    group.members,
  )
  site.apply({ table: 'units', key: 'disk4', value: { ...disk('disk4'), state: 'down' } })
  t.equal(site.membersOf(group)[0]?.state, 'down')
  const fewer = { ...group, members: ['disk1'] }
  site.apply({ table: 'groups', key: group.name, value: fewer })
  t.same(
    site.rotationOf(fewer).map(({ name }) => name),
    ['disk1'],
  )
})
