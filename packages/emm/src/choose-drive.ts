import type { Blocker, Drive, TapeStorageUnit, Volume } from '@nb/contracts'
import { driveBusy, driveDown } from './blockers.ts'
import type { InventoryView } from './inventory.ts'

/** Whether a drive could be given to a job now. */
export function isFree(view: InventoryView, drive: Drive): boolean {
  return drive.state === 'up' && view.heldDrive(drive.name) === undefined
}

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
    if (isFree(view, loadedIn)) return { drive: loadedIn }
    return { blockers: [whyNotFree(view, unit, loadedIn, volume)] }
  }
  const drives = view.drivesOf(unit)
  const free = drives.filter((drive) => isFree(view, drive))
  const [drive] = free.sort(
    (a, b) =>
      Number(a.loadedVolume !== undefined) - Number(b.loadedVolume !== undefined) ||
      view.lastSelected(`drive:${a.name}`) - view.lastSelected(`drive:${b.name}`),
  )
  if (drive !== undefined) return { drive }
  return { blockers: drives.map((candidate) => whyNotFree(view, unit, candidate)) }
}

/** Why a drive that is not free can't be given; `wanted` is the volume in it that the job needs. */
function whyNotFree(view: InventoryView, unit: TapeStorageUnit, drive: Drive, wanted?: Volume): Blocker {
  const held = view.heldDrive(drive.name)
  return held === undefined ? driveDown(unit, drive, wanted) : driveBusy(unit, drive, held)
}
