import type { TapeStorageUnit, Volume } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** What a job that writes needs of a volume. */
export interface VolumeWish {
  readonly volumePool: string
  readonly retentionLevel: number
}

/**
 * The volumes a job may write to, best first, whether or not someone else uses them now:
 *
 * 1. assigned ones of the pool with the same retention level that are mounted, then the others of them;
 * 2. new ones of the pool, a mounted one first, then the one whose last mount is longest ago;
 * 3. new ones of the scratch pool, in the same order.
 *
 * Only active volumes of the unit's density in its robot (or in one of its drives) count.
 */
export function volumesToWrite(
  view: InventoryView,
  unit: TapeStorageUnit,
  { volumePool, retentionLevel }: VolumeWish,
): readonly Volume[] {
  const ranked: { readonly volume: Volume; readonly rank: number }[] = []
  const consider = (pool: string, newRank: number): void => {
    for (const volume of view.volumesOfPool(pool)) {
      if (volume.state !== 'active' || !isWithin(view, unit, volume)) continue
      const mounted = view.driveWith(volume.volumeId) !== undefined
      if (volume.assignedAt === undefined) ranked.push({ volume, rank: newRank + (mounted ? 0 : 1) })
      else if (pool === volumePool && volume.retentionLevel === retentionLevel)
        ranked.push({ volume, rank: mounted ? 0 : 1 })
    }
  }
  consider(volumePool, 2)
  for (const pool of view.pools.values()) if (pool.scratch && pool.name !== volumePool) consider(pool.name, 4)
  ranked.sort(
    (a, b) =>
      a.rank - b.rank ||
      (a.volume.lastMountedAt ?? 0) - (b.volume.lastMountedAt ?? 0) ||
      (a.volume.volumeId < b.volume.volumeId ? -1 : 1),
  )
  return ranked.map(({ volume }) => volume)
}

/** Whether a volume is where the drives of a storage unit can get it. */
export function isWithin(view: InventoryView, unit: TapeStorageUnit, volume: Volume): boolean {
  if (volume.density !== unit.density) return false
  const drive = view.driveWith(volume.volumeId)
  if (drive === undefined) return volume.robot === unit.robot
  return drive.mediaServer === unit.mediaServer && drive.robot === unit.robot
}
