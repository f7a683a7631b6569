import type { Blocker, Drive, TapeStorageUnit, Volume } from '@nb/contracts'
import { mostHolders } from './hold-index.ts'
import { mostNamed, robotDown, tooManyPartlyFull, volumeBusy, volumesBusy } from './blockers.ts'
import { whyNoDrive, whyNotFree } from './choose-drive.ts'
import type { InventoryView } from './inventory.ts'
import type { Held } from './held.ts'
import type { Rules } from './rules.ts'
import { placeOf, siteOf } from './site.ts'
import type { Shelf, ShelfKey } from './volume-index.ts'

/** What a job that writes needs of a volume. */
export interface VolumeWish {
  readonly volumePool: string
  readonly retentionLevel: number
  /** An empty volume is preferred: an image goes on. */
  readonly continues?: boolean
}

/** Volumes that are equally good but for when they were mounted last. */
export interface Tier {
  readonly shelf: Shelf
  readonly mounted: boolean
  readonly isNew: boolean
}

/**
 * The volumes a job may write to, best tier first:
 *
 * 1. assigned ones of the pool with the same retention level that are mounted, then the others of them (where several levels
 *    may be on a volume, mounted ones of any level come before unmounted ones);
 * 2. new ones of the pool, mounted ones first;
 * 3. new ones of the scratch pool, likewise.
 *
 * Within a tier the one whose last mount is longest ago comes first. An image that goes on prefers 2 and 3 to 1.
 * Only active volumes of the unit's density in its robot, or in one of its drives, count.
 */
export function tiersOf(
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  rules: Rules,
): readonly Tier[] {
  const found: Tier[] = []
  if (wish.continues !== true) assignedTiers(found, view, unit, wish, rules)
  tiers(found, view, unit, wish.volumePool, onlyNew)
  for (const { name, scratch } of view.pools.values())
    if (scratch && name !== wish.volumePool) tiers(found, view, unit, name, onlyNew)
  if (wish.continues === true) assignedTiers(found, view, unit, wish, rules)
  return found
}

const onlyNew: readonly ShelfKey[] = ['new']

function assignedTiers(
  found: Tier[],
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  rules: Rules,
): void {
  const { volumePool, retentionLevel } = wish
  const keys = new Set<ShelfKey>([retentionLevel])
  if (rules.allowMultipleRetentions)
    for (const shelves of [mountedOf(view, unit, volumePool), storedOf(view, unit, volumePool)])
      for (const key of [...shelves.keys()].sort()) if (key !== 'new') keys.add(key)
  tiers(found, view, unit, volumePool, keys)
}

/** Adds the volumes of a pool within a unit's reach: in its drives, then outside drives. */
function tiers(
  found: Tier[],
  view: InventoryView,
  unit: TapeStorageUnit,
  pool: string,
  keys: Iterable<ShelfKey>,
): void {
  const inDrives = mountedOf(view, unit, pool)
  const outside = storedOf(view, unit, pool)
  for (const key of keys) {
    const shelf = inDrives.get(key)
    if (shelf !== undefined) found.push({ shelf, mounted: true, isNew: key === 'new' })
  }
  for (const key of keys) {
    const shelf = outside.get(key)
    if (shelf !== undefined) found.push({ shelf, mounted: false, isNew: key === 'new' })
  }
}

const mountedOf = (view: InventoryView, unit: TapeStorageUnit, pool: string) =>
  view.writable.mounted(siteOf(unit), pool)
const storedOf = (view: InventoryView, unit: TapeStorageUnit, pool: string) =>
  view.writable.stored(placeOf(unit), pool)

/** A volume and its drive; what a job waits for; or nothing that waiting could bring. */
export type VolumePick =
  { readonly volume: Volume; readonly drive: Drive } | { readonly blockers: readonly Blocker[] }

/**
 * The best volume for which there is a drive, or all that stands in the way: while a volume could be had only what
 * keeps it from a drive, else what keeps each volume. No blockers: there is no such volume at all.
 */
export function pickVolume(
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  rules: Rules,
  mayJoin?: (group: string) => boolean,
): VolumePick {
  const robot = unit.robot === undefined ? undefined : view.robots.get(unit.robot)
  const storedCanMove = robot?.state !== 'down'
  const spareDrive = storedCanMove ? view.nextFreeDrive(unit) : undefined
  const noneNew = partlyFullLimit(view, unit, wish.volumePool)
  const within = tiersOf(view, unit, wish, rules)
  let barred = false
  let stored = false
  for (const { shelf, mounted, isNew } of within) {
    const volume = firstUsable(shelf, rules.now)
    if (volume === undefined) continue
    if (isNew && noneNew !== undefined) barred = true
    else if (!mounted && spareDrive === undefined) stored = true
    else {
      const drive = mounted ? view.driveWith(volume.volumeId) : spareDrive
      if (drive !== undefined) return { volume, drive }
    }
  }
  if (stored)
    return {
      blockers: robot?.state === 'down' ? [robotDown(unit, robot)] : whyNoDrive(view, unit, mayJoin),
    }
  const open = within.filter(({ isNew }) => !isNew || noneNew === undefined)
  const blockers = [...whyHeld(view, unit, wish.volumePool, open), ...whyStuck(view, unit, open)]
  const waitsForRoom = barred || (noneNew !== undefined && blockers.length === 0 && within.length > 0)
  return { blockers: waitsForRoom && noneNew !== undefined ? [...blockers, noneNew] : blockers }
}

/** All that may be written to now, best first. */
export function* volumesToWrite(
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  rules: Rules,
): Generator<Volume, undefined> {
  for (const { shelf } of tiersOf(view, unit, wish, rules))
    for (const volume of shelf.free) if (isYoung(volume, rules.now)) yield volume
  return undefined
}

/** What is too old is passed over until it has its state. */
export function firstUsable(shelf: Shelf, now: number): Volume | undefined {
  const first = shelf.free.first()
  if (first === undefined || isYoung(first, now)) return first
  for (const volume of shelf.free) if (isYoung(volume, now)) return volume
  return undefined
}

/** Whether a volume's medium is not too old to be written to. */
export const isYoung = ({ expiresAt }: Volume, now: number): boolean =>
  expiresAt === undefined || expiresAt > now

/** The blocker of new volumes, when the pool has as many partly full ones as it may. */
function partlyFullLimit(view: InventoryView, unit: TapeStorageUnit, name: string): Blocker | undefined {
  const pool = view.pools.get(name)
  const limit = pool?.maxPartiallyFull
  if (pool === undefined || limit === undefined) return undefined
  const partlyFull = view.writable.partlyFull(name)
  if (partlyFull.size < limit) return undefined
  const held = new Set<Held>()
  for (const volumeId of partlyFull) {
    if (held.size >= mostHolders) break
    for (const one of view.holds.onVolume(volumeId).values()) held.add(one)
  }
  return tooManyPartlyFull(unit, pool, limit, partlyFull.size, held)
}

/** Volumes that others use: each by name, or all together when there are many. */
function whyHeld(
  view: InventoryView,
  unit: TapeStorageUnit,
  pool: string,
  within: readonly Tier[],
): readonly Blocker[] {
  const count = within.reduce((sum, { shelf }) => sum + shelf.held.size, 0)
  if (count === 0) return []
  const ids = firstKeys(within.map(({ shelf }) => shelf.held))
  if (count <= mostNamed) return ids.map((id) => volumeBusy(unit, id, view.holds.onVolume(id)))
  const held = new Set(ids.flatMap((id) => [...view.holds.onVolume(id).values()]))
  return [volumesBusy(unit, pool, count, held)]
}

/** Volumes in drives that can't be given, by their drives. */
function whyStuck(view: InventoryView, unit: TapeStorageUnit, within: readonly Tier[]): readonly Blocker[] {
  return firstKeys(within.map(({ shelf }) => shelf.stuck)).flatMap((volumeId) => {
    const drive = view.driveWith(volumeId)
    return drive === undefined ? [] : [whyNotFree(view, unit, drive, volumeId)]
  })
}

function firstKeys(maps: readonly ReadonlyMap<string, unknown>[]): readonly string[] {
  const keys: string[] = []
  for (const map of maps)
    for (const key of map.keys()) {
      if (keys.length === mostNamed) return keys
      keys.push(key)
    }
  return keys
}

/** Whether a volume is where the drives of a storage unit can get it. */
export function isWithin(view: InventoryView, unit: TapeStorageUnit, volume: Volume): boolean {
  if (volume.density !== unit.density) return false
  const drive = view.driveWith(volume.volumeId)
  if (drive === undefined) return volume.robot === unit.robot
  return drive.mediaServer === unit.mediaServer && drive.robot === unit.robot
}
