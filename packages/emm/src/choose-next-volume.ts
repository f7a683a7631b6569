import type { Blocker, Drive, TapeStorageUnit, Volume } from '@nb/contracts'
import { driveDown, mostNamed, robotDown, tooManyPartlyFull, volumeBusy } from './blockers.ts'
import { firstUsable, tiersOf, type Tier, type VolumeWish } from './choose-volume.ts'
import type { InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'
import { whyNoVolume } from './why-no-volume.ts'

/** Where the image has come to its end, and who writes there. */
export interface EndedVolume {
  readonly drive: Drive
  readonly volumeId: string
  /** Whether other jobs write there too: then all stay on that drive. */
  readonly isShared: boolean
}

/** What an image goes on with, or all that stands in its way: at least one reason. */
export type NextVolume =
  | { readonly volume: Volume; readonly drive: Drive }
  | { readonly blockers: readonly Blocker[]; readonly isNone: boolean }

/**
 * The volume on which an image goes on: into the drive that its job has, which therefore counts as free. A volume that is in another
 * free drive is taken there, where there is no other and nobody shares the drive. The one that has ended is none of the partly full.
 * With `isNone` there is no volume that the end of other jobs could bring.
 */
export function chooseNextVolume(
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  ended: EndedVolume,
  rules: Rules,
): NextVolume {
  const { drive, isShared } = ended
  const tiers = tiersOf(view, unit, { ...wish, continues: true }, rules)
  const noneNew = partlyFull(view, unit, wish.volumePool, ended.volumeId)
  const open = tiers.filter(({ isNew }) => !isNew || noneNew === undefined)
  const stored = firstOf(open, rules, false)
  const robot = unit.robot === undefined ? undefined : view.robots.get(unit.robot)
  const isStuck = robot?.state === 'down'
  if (stored !== undefined && drive.state === 'up' && !isStuck) return { volume: stored, drive }
  const mounted = isShared ? undefined : firstOf(open, rules, true)
  const other = mounted === undefined ? undefined : view.driveWith(mounted.volumeId)
  if (mounted !== undefined && other !== undefined) return { volume: mounted, drive: other }
  if (stored !== undefined)
    return {
      blockers: [isStuck && robot !== undefined ? robotDown(unit, robot) : driveDown(unit, drive, false)],
      isNone: false,
    }
  const blockers = heldByOthers(view, unit, open, ended.volumeId)
  if (noneNew !== undefined && firstOf(tiers, rules, false) !== undefined) blockers.push(noneNew)
  if (blockers.length > 0) return { blockers, isNone: false }
  return { blockers: [whyNoVolume(view, unit, wish, rules)], isNone: true }
}

/** The best volume of those in drives, or of those outside. */
function firstOf(tiers: readonly Tier[], { now }: Rules, mounted: boolean): Volume | undefined {
  for (const tier of tiers) {
    const volume = tier.mounted === mounted ? firstUsable(tier.shelf, now) : undefined
    if (volume !== undefined) return volume
  }
  return undefined
}

function partlyFull(
  view: InventoryView,
  unit: TapeStorageUnit,
  name: string,
  ended: string,
): Blocker | undefined {
  const pool = view.pools.get(name)
  const limit = pool?.maxPartiallyFull
  if (pool === undefined || limit === undefined) return undefined
  const volumes = [...view.writable.partlyFull(name)].filter((volumeId) => volumeId !== ended)
  if (volumes.length < limit) return undefined
  const held = new Set(volumes.flatMap((volumeId) => [...view.holds.onVolume(volumeId).values()]))
  return tooManyPartlyFull(unit, pool, limit, volumes.length, held)
}

function heldByOthers(
  view: InventoryView,
  unit: TapeStorageUnit,
  tiers: readonly Tier[],
  ended: string,
): Blocker[] {
  const ids = tiers.flatMap(({ shelf }) => [...shelf.held.keys()]).filter((volumeId) => volumeId !== ended)
  const stuck = tiers.flatMap(({ shelf }) => [...shelf.stuck.keys()])
  return [
    ...ids.slice(0, mostNamed).map((volumeId) => volumeBusy(unit, volumeId, view.holds.onVolume(volumeId))),
    ...stuck.slice(0, mostNamed).flatMap((volumeId) => stuckIn(view, unit, volumeId)),
  ]
}

/** A volume that is in a drive which is down, or which another job has with another volume's name on it. */
function stuckIn(view: InventoryView, unit: TapeStorageUnit, volumeId: string): readonly Blocker[] {
  const drive = view.driveWith(volumeId)
  if (drive === undefined) return []
  const held = view.holds.onDrive(drive.name)
  return held.size === 0 ? [driveDown(unit, drive, true)] : [volumeBusy(unit, volumeId, held)]
}
