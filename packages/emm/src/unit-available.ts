import type { Blocker, MediaServerEntry, StorageUnit } from '@nb/contracts'
import { limitReached, serverDown, serverLimitReached, unitDown } from './blockers.ts'
import { inUse, limitOf } from './choose-storage-unit.ts'
import { whyNoRoom } from './disk-space.ts'
import type { InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'

const nothing: readonly Blocker[] = []

/** Why no job may use a storage unit now, whatever it wants of it: it or its media server is down, or the server is busy. */
export function whyUnavailable(view: InventoryView, unit: StorageUnit): readonly Blocker[] {
  const server = view.mediaServers.get(unit.mediaServer)
  if (unit.state === 'up' && server?.state !== 'down' && !isBusy(view, server)) return nothing
  const blockers: Blocker[] = []
  addUnavailable(view, unit, blockers)
  return blockers
}

/** The same, put to others. */
export function addUnavailable(view: InventoryView, unit: StorageUnit, blockers: Blocker[]): void {
  const server = view.mediaServers.get(unit.mediaServer)
  if (unit.state === 'down') blockers.push(unitDown(unit))
  if (server === undefined) return
  if (server.state === 'down') blockers.push(serverDown(unit, server))
  const { maxConcurrentJobs: limit } = server
  if (limit !== undefined && isBusy(view, server))
    blockers.push(serverLimitReached(unit, server, limit, view.holds.onServer(server.name)))
}

function isBusy(view: InventoryView, server: MediaServerEntry | undefined): boolean {
  const limit = server?.maxConcurrentJobs
  return server !== undefined && limit !== undefined && view.holds.onServer(server.name).size >= limit
}

/** Puts to others why a storage unit takes no more: its own limit. For a tape unit it bounds drives that write. */
export function addFull(view: InventoryView, unit: StorageUnit, blockers: Blocker[]): void {
  const used = inUse(view, unit)
  const limit = limitOf(unit)
  if (used < limit) return
  const held = unit.type === 'disk' ? view.holds.onUnit(unit.name) : view.holds.writingOn(unit.name)
  blockers.push(limitReached(unit, limit, used, held))
}

/**
 * For the failover rule: whether a unit that was denied is passed over. One that is down, disabled, full or can't ever serve
 * is; a busy one is waited for.
 */
export function isOut(view: InventoryView, unit: StorageUnit, possible: boolean, rules: Rules): boolean {
  const robot = unit.type === 'tape' && unit.robot !== undefined ? view.robots.get(unit.robot) : undefined
  return (
    !possible ||
    limitOf(unit) === 0 ||
    (unit.type === 'disk' && whyNoRoom(view, unit, rules) !== undefined) ||
    [unit.state, view.mediaServers.get(unit.mediaServer)?.state, robot?.state].includes('down')
  )
}
