import type { Blocker, Drive, TapeStorageUnit, Volume } from '@nb/contracts'
import { driveBusy, driveDown, drivesBusy, mostNamed } from './blockers.ts'
import type { InventoryView } from './inventory.ts'
import { siteOf } from './site.ts'

/**
 * The drive for a volume: the one it is in, when that is free; else of the free drives an empty one before one
 * that must be unloaded first, and of those the one whose last use is longest ago.
 */
export function chooseDrive(
  view: InventoryView,
  unit: TapeStorageUnit,
  volume: Volume,
): { readonly drive: Drive } | { readonly blockers: readonly Blocker[] } {
  const loadedIn = view.driveWith(volume.volumeId)
  if (loadedIn !== undefined) {
    if (view.isFree(loadedIn)) return { drive: loadedIn }
    return { blockers: [whyNotFree(view, unit, loadedIn, volume.volumeId)] }
  }
  const drive = view.nextFreeDrive(unit)
  return drive === undefined ? { blockers: whyNoDrive(view, unit) } : { drive }
}

/**
 * Why none of a storage unit's drives can be given: each says it, by name; more than 16 say it together. `mayJoin` tells
 * of a group whether the job could have joined it but for the number of its members.
 */
export function whyNoDrive(
  view: InventoryView,
  unit: TapeStorageUnit,
  mayJoin: (group: string) => boolean = () => false,
): readonly Blocker[] {
  const names = view.drivesOf(unit)
  if (names.size > mostNamed) {
    const site = siteOf(unit)
    return [drivesBusy(unit, names.size, view.holds.drivesHeld(site), view.holds.onSite(site))]
  }
  const drives = [...names].sort().flatMap((name) => view.drives.get(name) ?? [])
  return drives.map((drive) => whyNotFree(view, unit, drive, undefined, mayJoin))
}

/** Why a drive that is not free can't be given; and the volume in it, where that is what the job needs. */
export function whyNotFree(
  view: InventoryView,
  unit: TapeStorageUnit,
  drive: Drive,
  wanted: string | undefined,
  mayJoin: (group: string) => boolean = () => false,
): Blocker {
  const held = view.holds.onDrive(drive.name)
  if (held.size === 0) return driveDown(unit, drive, wanted)
  const [first] = held.values()
  const medium = first?.allocation.medium
  const group = medium?.kind === 'tape' ? medium.multiplex?.group : undefined
  return driveBusy(unit, drive, held, { wanted, full: group !== undefined && mayJoin(group) })
}
