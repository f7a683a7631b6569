import type { Blocker, StorageUnit, Turn } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** 2034: the jobs whose turn a storage unit is, be it that they wait for it or for another that takes from the same. */
export function turnBlockers(
  view: Pick<InventoryView, 'units' | 'mediaServers'>,
  unit: StorageUnit,
  turns: readonly Turn[],
): readonly Blocker[] {
  return turns
    .filter(({ storageUnit }) => storageUnit === unit.name || share(view, view.units.get(storageUnit), unit))
    .map(({ jobId, since }) => ({
      kind: 'turn',
      name: unit.name,
      storageUnit: unit.name,
      reason: 2034,
      holders: [{ jobId, since }],
      goesOnWhen: `job ${jobId}, which was passed by as often as is allowed, has got its resources`,
    }))
}

/** Whether two units take from the same: drives, volumes, or the limit of their media server. */
function share(
  view: Pick<InventoryView, 'mediaServers'>,
  a: StorageUnit | undefined,
  b: StorageUnit,
): boolean {
  if (a === undefined) return false
  if (
    a.mediaServer === b.mediaServer &&
    view.mediaServers.get(a.mediaServer)?.maxConcurrentJobs !== undefined
  )
    return true
  return a.type === 'tape' && b.type === 'tape' && a.density === b.density && a.robot === b.robot
}
