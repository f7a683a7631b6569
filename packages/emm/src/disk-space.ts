import type { Blocker, DiskSpace, DiskStorageUnit, MediaNeed } from '@nb/contracts'
import { diskFull, notEnoughRoom, overHighWater } from './blockers.ts'
import type { InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'
import type { ToldSpace } from './told-space.ts'

/** The marks of a disk storage unit, in percent. */
export function waterMarks({ highWaterPercent: high = 98, lowWaterPercent }: DiskStorageUnit): {
  readonly high: number
  readonly low: number
} {
  return { high, low: lowWaterPercent ?? Math.min(80, high - 1) }
}

/** What is used, in percent of the whole; a disk of no bytes is full. */
export const usedPercent = ({
  totalBytes,
  freeBytes,
}: Pick<ToldSpace, 'totalBytes' | 'freeBytes'>): number =>
  totalBytes === 0 ? 100 : (100 * (totalBytes - freeBytes)) / totalBytes

/** What is known of a unit's room after a report; a mark of being full stays until more is free than when it was set. */
export function afterReport(
  before: ToldSpace | undefined,
  { totalBytes, freeBytes, full = false }: { totalBytes: number; freeBytes: number; full?: boolean },
  now: number,
): ToldSpace {
  const told = { totalBytes, freeBytes, at: now }
  if (full) return { ...told, fullAt: freeBytes }
  const fullAt = before?.fullAt
  return fullAt === undefined || freeBytes > fullAt ? told : { ...told, fullAt }
}

/** Whether a report may let in somebody who waits. */
export function mayHelp(before: ToldSpace | undefined, after: ToldSpace): boolean {
  if (before === undefined) return false
  return after.freeBytes > before.freeBytes || (before.fullAt !== undefined && after.fullAt === undefined)
}

/** How much has to go for a unit to be at its low-water mark. */
export function bytesToLowWater(unit: DiskStorageUnit, { totalBytes, freeBytes }: ToldSpace): number {
  const atLow = Math.floor((totalBytes * waterMarks(unit).low) / 100)
  return Math.max(0, totalBytes - freeBytes - atLow)
}

/** Whether a unit is at or above its high-water mark, or full. */
export function isOverHighWater(unit: DiskStorageUnit, space: ToldSpace): boolean {
  return space.fullAt !== undefined || usedPercent(space) >= waterMarks(unit).high
}

/** What was told lately of a unit's room; nothing that is older than counts. */
function presentSpace(view: InventoryView, unit: DiskStorageUnit, rules: Rules): ToldSpace | undefined {
  const space = view.spaces.get(unit.name)
  return space !== undefined && rules.now - space.at <= rules.spaceMaxAgeMs ? space : undefined
}

/** Why nothing new is written to a unit, however little: it is full, or used to its high-water mark. */
export function whyNoRoom(view: InventoryView, unit: DiskStorageUnit, rules: Rules): Blocker | undefined {
  const space = presentSpace(view, unit, rules)
  if (space === undefined || !isOverHighWater(unit, space)) return undefined
  return space.fullAt === undefined
    ? overHighWater(unit, space, usedPercent(space), waterMarks(unit).high)
    : diskFull(unit, space.freeBytes)
}

/**
 * The room below a unit's high-water mark that no running job is expected to fill; without a report lately it is not known. May be
 * less than nothing.
 */
export function roomOf(view: InventoryView, unit: DiskStorageUnit, rules: Rules): number | undefined {
  const space = presentSpace(view, unit, rules)
  if (space === undefined) return undefined
  const { totalBytes, freeBytes } = space
  const below = Math.floor((totalBytes * waterMarks(unit).high) / 100)
  return below - (totalBytes - freeBytes) - view.holds.committedOn(unit.name)
}

/** Why a need is too large for what is left on a unit beside what running jobs are expected to write. */
export function whyTooLarge(
  view: InventoryView,
  unit: DiskStorageUnit,
  need: Extract<MediaNeed, { kind: 'write' }>,
  rules: Rules,
): Blocker | undefined {
  const { expectedBytes } = need
  if (expectedBytes === undefined) return undefined
  const room = roomOf(view, unit, rules)
  if (room === undefined || expectedBytes <= room) return undefined
  return notEnoughRoom(unit, expectedBytes, Math.max(0, room), view.holds.onUnit(unit.name))
}

/** A unit's room as it is shown. */
export function shownSpace(space: ToldSpace, committedBytes: number): DiskSpace {
  const { totalBytes, freeBytes, at, fullAt } = space
  return { totalBytes, freeBytes, at, committedBytes, ...(fullAt === undefined ? {} : { full: true }) }
}
