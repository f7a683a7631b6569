import type { Blocker, StorageUnit } from '@nb/contracts'
import { limitReached, serverDown, serverLimitReached, unitDown } from './blockers.ts'
import { inUse, limitOf } from './choose-storage-unit.ts'
import type { InventoryView } from './inventory.ts'

const nothing: readonly Blocker[] = []

/** Why no job may use a storage unit now, whatever it wants of it: it or its media server is down, or the server is busy. */
export function whyUnavailable(view: InventoryView, unit: StorageUnit): readonly Blocker[] {
  const server = view.mediaServers.get(unit.mediaServer)
  const limit = server?.maxConcurrentJobs
  if (unit.state === 'up' && server?.state !== 'down')
    if (limit === undefined || view.holds.onServer(unit.mediaServer).size < limit) return nothing
  const blockers: Blocker[] = []
  if (unit.state === 'down') blockers.push(unitDown(unit))
  if (server?.state === 'down') blockers.push(serverDown(unit, server))
  const held = view.holds.onServer(unit.mediaServer)
  if (server !== undefined && limit !== undefined && held.size >= limit)
    blockers.push(serverLimitReached(unit, server, limit, held))
  return blockers
}

/** Why a storage unit takes no more: its own limit. For a tape unit it bounds drives that write. */
export function whyFull(view: InventoryView, unit: StorageUnit): readonly Blocker[] {
  const used = inUse(view, unit)
  const limit = limitOf(unit)
  if (used < limit) return nothing
  const held = unit.type === 'disk' ? view.holds.onUnit(unit.name) : view.holds.writingOn(unit.name)
  return [limitReached(unit, limit, used, held)]
}

/**
 * For the failover rule: whether a unit that was denied is passed over. One that is down, disabled or can't ever serve is;
 * a busy one is waited for.
 */
export function isOut(view: InventoryView, unit: StorageUnit, possible: boolean): boolean {
  const robot = unit.type === 'tape' && unit.robot !== undefined ? view.robots.get(unit.robot) : undefined
  return (
    !possible ||
    limitOf(unit) === 0 ||
    [unit.state, view.mediaServers.get(unit.mediaServer)?.state, robot?.state].includes('down')
  )
}
