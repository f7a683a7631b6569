import type { StorageChoice, StorageUnit, StorageUnitGroup } from '@nb/contracts'
import { type Denial, neverUntil, notConfigured, unitMissing } from './blockers.ts'
import { roomOf } from './disk-space.ts'
import type { InventoryView } from './inventory.ts'
import { type Balanced, byBusiness } from './load-balance.ts'
import type { Rules } from './rules.ts'

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
  rules: Rules,
): Candidates | { readonly denial: Denial } {
  switch (storage.kind) {
    case 'unit': {
      const unit = view.units.get(storage.name)
      if (unit === undefined) return { denial: neverUntil(unitMissing(storage.name)) }
      return { units: [unit], stopAtFirstNotDown: false }
    }
    case 'group': {
      const group = view.groups.get(storage.name)
      if (group !== undefined) return groupCandidates(view, group, rules)
      const text = `storage unit group ${storage.name} is configured`
      return { denial: neverUntil(notConfigured(storage.name, 2097, text)) }
    }
    case 'any':
      return anyCandidates(view)
  }
}

function groupCandidates(view: InventoryView, group: StorageUnitGroup, rules: Rules): Candidates {
  const stopAtFirstNotDown = group.selection === 'failover'
  switch (group.selection) {
    case 'prioritised':
    case 'failover':
      return { units: view.membersOf(group), stopAtFirstNotDown }
    case 'round-robin':
      return { units: view.rotationOf(group), stopAtFirstNotDown }
    case 'most-free-space': {
      const members = view.membersOf(group)
      return { units: byRoom(members, (unit) => roomToShow(view, unit, rules)), stopAtFirstNotDown }
    }
    case 'load-balanced': {
      const balanced = byBusiness(
        view.membersOf(group).map((unit) => ({ unit, ...balanceOf(view, unit, rules) })),
      )
      return { units: balanced.map(({ unit }) => unit), stopAtFirstNotDown }
    }
  }
}

/** The room of a disk; one that has told none comes after those that have, and tape last. */
function roomToShow(view: InventoryView, unit: StorageUnit, rules: Rules): number {
  return unit.type === 'disk' ? (roomOf(view, unit, rules) ?? -Number.MAX_SAFE_INTEGER) : -Infinity
}

/** The one with the most room first; of those with as much, as they stand. */
function byRoom(units: readonly StorageUnit[], room: (unit: StorageUnit) => number): readonly StorageUnit[] {
  return units
    .map((unit) => ({ unit, room: room(unit) }))
    .sort((a, b) => (a.room === b.room ? 0 : b.room - a.room))
    .map(({ unit }) => unit)
}

function balanceOf(view: InventoryView, unit: StorageUnit, { now, loadMaxAgeMs }: Rules): Balanced {
  const load = view.loads.get(unit.mediaServer)
  const limit = view.mediaServers.get(unit.mediaServer)?.maxConcurrentJobs
  const used =
    limit === undefined
      ? { inUse: inUse(view, unit), limit: limitOf(unit) }
      : { inUse: view.holds.onServer(unit.mediaServer).size, limit }
  const lastSelected = view.lastSelected(`unit:${unit.name}`)
  return load !== undefined && now - load.at <= loadMaxAgeMs
    ? { load: load.value, ...used, lastSelected }
    : { ...used, lastSelected }
}

/** What counts against the limit of a storage unit: the jobs on a disk, the drives that write for a tape unit. */
export const inUse = (view: InventoryView, unit: StorageUnit): number =>
  unit.type === 'disk' ? view.holds.onUnit(unit.name).size : view.holds.drivesWriting(unit.name)

/** The limit of a storage unit. */
export const limitOf = (unit: StorageUnit): number =>
  unit.type === 'disk' ? unit.maxConcurrentJobs : unit.maxConcurrentDrives

/** Any available: all that are not on demand only, by name. */
function anyCandidates(view: InventoryView): Candidates | { readonly denial: Denial } {
  const units = view.unitsByName().filter((unit) => !unit.onDemandOnly)
  if (units.length > 0) return { units, stopAtFirstNotDown: false }
  const denial =
    view.units.size === 0
      ? notConfigured('any storage unit', 213, 'a storage unit is configured')
      : notConfigured('any storage unit', 2111, 'a storage unit is configured that is not on demand only')
  return { denial: neverUntil(denial) }
}
