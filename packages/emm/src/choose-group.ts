import type { MediaNeed, TapeStorageUnit } from '@nb/contracts'
import { multiplexingOf, type MultiplexGroup } from './hold-index.ts'
import { isYoung } from './choose-volume.ts'
import type { InventoryView } from './inventory.ts'

type Write = Extract<MediaNeed, { kind: 'write' }>

/** How many jobs a job may share a drive of a unit with, itself included: the lower of both limits. */
export const mostInGroup = (unit: TapeStorageUnit, need: MediaNeed): number =>
  need.kind === 'write' && need.continues !== true
    ? Math.min(unit.maxStreamsPerDrive ?? 1, multiplexingOf(need))
    : 1

/**
 * The running group that a job joins: on the same storage unit, for the same pool and retention level, with fewer members
 * than the unit, each of them and the job itself allow. Of several the one with the fewest members, then the oldest: that
 * spreads the streams. A group whose volume takes no more, or whose drive is to be used no more, is not joined.
 */
export function chooseGroup(
  view: InventoryView,
  unit: TapeStorageUnit,
  need: Write,
  now: number,
): MultiplexGroup | undefined {
  const most = mostInGroup(unit, need)
  if (most < 2) return undefined
  for (const group of view.holds.openGroups(unit.name, need.volumePool, need.retentionLevel)) {
    if (group.size >= most) return undefined
    if (isUsable(view, group, now)) return group
  }
  return undefined
}

function isUsable(view: InventoryView, { drive, volumeId }: MultiplexGroup, now: number): boolean {
  const volume = view.volumes.get(volumeId)
  return view.drives.get(drive)?.state === 'up' && volume?.state === 'active' && isYoung(volume, now)
}

/** Whether a job could join a group but for the number of its members: it is what the job waits for, then. */
export function wouldJoin(
  view: InventoryView,
  unit: TapeStorageUnit,
  need: Write,
): (group: string) => boolean {
  if (mostInGroup(unit, need) < 2) return () => false
  return (id) => {
    const member = view.holds.ofGroup(id)
    if (member === undefined || member.need.kind !== 'write' || member.allocation.medium.kind !== 'tape')
      return false
    const { allocation, need: theirs } = member
    return (
      allocation.storageUnit === unit.name &&
      theirs.volumePool === need.volumePool &&
      theirs.retentionLevel === need.retentionLevel
    )
  }
}
