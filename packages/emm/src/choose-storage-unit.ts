import type { StorageChoice, StorageUnit, StorageUnitGroup } from '@nb/contracts'
import { type Denial, neverUntil, notConfigured, unitMissing } from './blockers.ts'
import type { InventoryView } from './inventory.ts'

/** The storage units to try in this order. */
export interface Candidates {
  readonly units: readonly StorageUnit[]
  /** Whether the first that is not down is waited for instead of trying the next (failover groups). */
  readonly stopAtFirstNotDown: boolean
}

/** The storage units that a choice stands for, or that it stands for none. */
export function storageUnitCandidates(
  view: InventoryView,
  storage: StorageChoice,
): Candidates | { readonly denial: Denial } {
  switch (storage.kind) {
    case 'unit': {
      const unit = view.units.get(storage.name)
      if (unit === undefined) return { denial: neverUntil(unitMissing(storage.name)) }
      return { units: [unit], stopAtFirstNotDown: false }
    }
    case 'group': {
      const group = view.groups.get(storage.name)
      if (group !== undefined) return groupCandidates(view, group)
      const text = `storage unit group ${storage.name} is configured`
      return { denial: neverUntil(notConfigured(storage.name, 2097, text)) }
    }
    case 'any':
      return anyCandidates(view)
  }
}

function groupCandidates(view: InventoryView, group: StorageUnitGroup): Candidates {
  const units = group.members.flatMap((name) => view.units.get(name) ?? [])
  if (group.selection === 'round-robin')
    // The sort is stable, so units never selected keep the order of the list.
    units.sort((a, b) => view.lastSelected(`unit:${a.name}`) - view.lastSelected(`unit:${b.name}`))
  return { units, stopAtFirstNotDown: group.selection === 'failover' }
}

/** Any available: all that are not on demand only, by name. */
function anyCandidates(view: InventoryView): Candidates | { readonly denial: Denial } {
  const units = [...view.units.values()].filter((unit) => !unit.onDemandOnly)
  if (units.length > 0)
    return { units: units.sort((a, b) => (a.name < b.name ? -1 : 1)), stopAtFirstNotDown: false }
  const denial =
    view.units.size === 0
      ? notConfigured('any storage unit', 213, 'a storage unit is configured')
      : notConfigured('any storage unit', 2111, 'a storage unit is configured that is not on demand only')
  return { denial: neverUntil(denial) }
}
