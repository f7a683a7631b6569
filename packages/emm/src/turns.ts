import type { Blocker, StorageUnit, Turn } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** 2034: the jobs whose turn a storage unit is, be it that they wait for it or for another that has its drives. */
export function turnBlockers(
  view: Pick<InventoryView, 'units'>,
  unit: StorageUnit,
  turns: readonly Turn[],
): readonly Blocker[] {
  return turns
    .filter(({ storageUnit }) => storageUnit === unit.name || shareDrives(view.units.get(storageUnit), unit))
    .map(({ jobId, since }) => ({
      kind: 'turn',
      name: unit.name,
      storageUnit: unit.name,
      reason: 2034,
      holders: [{ jobId, since }],
      goesOnWhen: `job ${jobId}, which was passed by as often as is allowed, has got its resources`,
    }))
}

function shareDrives(a: StorageUnit | undefined, b: StorageUnit): boolean {
  return (
    a?.type === 'tape' &&
    b.type === 'tape' &&
    a.mediaServer === b.mediaServer &&
    a.density === b.density &&
    a.robot === b.robot
  )
}
