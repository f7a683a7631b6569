import { imageKey, unlisted } from './image-table.ts'
import type { Change, InventoryView } from './inventory.ts'

/** The form of the store that this version writes. 1 had no images, media servers, robots and errors, and did not say so. */
export const presentForm = 2

/** The changes that bring what was read to the present form. */
export function upgrade(view: InventoryView, form: number): readonly Change[] {
  if (form === presentForm) return []
  // Form 1 knew that a volume has images, but not which: it must not be unassigned when the first of its new ones goes.
  return [...view.volumes.values()]
    .filter(({ assignedAt }) => assignedAt !== undefined)
    .map(({ volumeId, retentionLevel = 0 }) => ({
      table: 'images',
      key: imageKey(volumeId, unlisted),
      value: { retentionLevel },
    }))
}
