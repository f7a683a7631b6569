import type { AllocatedMedium, AllocationResult } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** What let a job have a medium where others may have to wait. Asked before it is set aside. */
export function favourOf(
  view: Pick<InventoryView, 'driveWith'>,
  medium: AllocatedMedium,
): Extract<AllocationResult, { granted: true }>['favour'] {
  if (medium.kind === 'disk') return undefined
  // A group that begins has no name yet: it gets that of its first allocation.
  if (medium.multiplex !== undefined) return 'multiplex-group'
  return view.driveWith(medium.volumeId)?.name === medium.drive ? 'mounted-volume' : undefined
}
