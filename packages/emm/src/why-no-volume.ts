import type { Blocker, TapeStorageUnit, Volume } from '@nb/contracts'
import { volumeUnusable } from './blockers.ts'
import { isWithin, type VolumeWish } from './choose-volume.ts'
import type { InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'
import { isWornOut } from './volume-index.ts'

/**
 * That there is no volume to write to, and why none of those that there are will do: one number has many causes. It looks at
 * all volumes, which is borne because a request gets this answer once, instead of waiting.
 */
export function whyNoVolume(
  view: InventoryView,
  unit: TapeStorageUnit,
  wish: VolumeWish,
  rules: Rules,
): Blocker {
  const { volumePool } = wish
  const counts = new Map<string, number>()
  for (const volume of view.volumes.values()) {
    const cause = whyNot(view, unit, wish, rules, volume)
    if (cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1)
  }
  const told = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([cause, count]) => `${count} ${cause}`)
  const there = told.length === 0 ? '' : ` (there are: ${told.join(', ')})`
  const onlyWornOut = counts.size === 1 && counts.has(wornOut)
  const text = `pool ${volumePool} or the scratch pool gets a volume of density ${unit.density} for storage unit ${unit.name}${there}`
  const { density, robot } = unit
  return {
    ...volumeUnusable(unit, volumePool, onlyWornOut ? 2100 : 2000, text),
    wanted: { pool: volumePool, density, ...(robot === undefined ? {} : { robot }) },
  }
}

const wornOut = 'mounted as often as allowed'

/** Why a volume of the pool, or of the scratch pool, does not serve. Others are not worth telling. */
function whyNot(
  view: InventoryView,
  unit: TapeStorageUnit,
  { volumePool, retentionLevel }: VolumeWish,
  { now, allowMultipleRetentions }: Rules,
  volume: Volume,
): string | undefined {
  const ours = volume.pool === volumePool
  if (!ours && view.pools.get(volume.pool)?.scratch !== true) return undefined
  if (volume.density !== unit.density) return `of density ${volume.density}`
  if (isWornOut(volume)) return wornOut
  if (volume.state !== 'active') return volume.state
  if (volume.expiresAt !== undefined && volume.expiresAt <= now) return 'expired'
  if (!isWithin(view, unit, volume)) {
    const drive = view.driveWith(volume.volumeId)
    if (drive !== undefined) return `in drive ${drive.name} of media server ${drive.mediaServer}`
    return volume.robot === undefined ? 'in no robot' : `in robot ${volume.robot}`
  }
  if (volume.assignedAt === undefined) return undefined
  if (!ours) return 'of the scratch pool with images'
  return allowMultipleRetentions || volume.retentionLevel === retentionLevel
    ? undefined
    : `with images of retention level ${volume.retentionLevel}`
}
