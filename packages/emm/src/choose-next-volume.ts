import type { Blocker, Drive, TapeStorageUnit, Volume } from '@nb/contracts'
import { mostNamed, robotDown, driveDown, tooManyPartlyFull, volumeBusy, volumeUnusable } from './blockers.ts'
import { whyNotFree } from './choose-drive.ts'
import { firstUsable, isYoung, tiersOf, type Tier, type VolumeWish } from './choose-volume.ts'
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
 * The volume on which an image goes on: into the drive that its job has, which therefore counts as free. Where there is none outside drives
 * one will do that rests in another free drive: the job goes there; jobs that share their drive stay, and the robot brings it. The one that
 * has ended is none of the partly full. With `isNone` there is no volume that the end of other jobs could bring.
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
  const robot = unit.robot === undefined ? undefined : view.robots.get(unit.robot)
  const canMove = robot?.state !== 'down'
  const here = inDrive(view, open, drive, rules)
  const resting = firstOf(open, rules, true)
  const restsIn = resting === undefined ? undefined : view.driveWith(resting.volumeId)
  const movable = firstOf(open, rules, false) ?? (isShared && unit.robot !== undefined ? resting : undefined)
  const next = (canMove ? movable : undefined) ?? here
  if (next !== undefined && drive.state === 'up') return { volume: next, drive }
  if (resting !== undefined && restsIn !== undefined && !isShared) return { volume: resting, drive: restsIn }
  if (next !== undefined) return { blockers: [driveDown(unit, drive)], isNone: false }
  if (movable !== undefined && robot !== undefined)
    return { blockers: [robotDown(unit, robot)], isNone: false }
  const blockers = heldByOthers(view, unit, open, ended.volumeId)
  if (resting !== undefined && restsIn !== undefined) {
    // No robot serves it.
    const goesOnWhen = `volume ${resting.volumeId} is taken out of drive ${restsIn.name}`
    blockers.push(volumeUnusable(unit, resting.volumeId, 2000, goesOnWhen))
  }
  if (noneNew !== undefined && tiers.some(({ shelf }) => firstUsable(shelf, rules.now) !== undefined))
    blockers.push(noneNew)
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

/** The best volume that is in the very drive of the job, left there by the one before. */
function inDrive(
  view: InventoryView,
  tiers: readonly Tier[],
  { name }: Drive,
  { now }: Rules,
): Volume | undefined {
  for (const { shelf } of tiers)
    for (const volume of shelf.stuck.values())
      if (view.driveWith(volume.volumeId)?.name === name && isYoung(volume, now)) return volume
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
    ...stuck.slice(0, mostNamed).flatMap((volumeId) => {
      const drive = view.driveWith(volumeId)
      return drive === undefined ? [] : [whyNotFree(view, unit, drive, volumeId)]
    }),
  ]
}
