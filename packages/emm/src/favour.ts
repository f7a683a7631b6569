import type { AllocatedMedium, AllocationResult } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** What let a job have a medium where others may have to wait. Asked before it is set aside. */
export function favourOf(
  view: Pick<InventoryView, 'heldDrive' | 'driveWith'>,
  medium: AllocatedMedium,
): Extract<AllocationResult, { granted: true }>['favour'] {
  if (medium.kind === 'disk') return undefined
  if (medium.multiplex !== undefined && view.heldDrive(medium.drive) !== undefined) return 'multiplex-group'
  return view.driveWith(medium.volumeId)?.name === medium.drive ? 'mounted-volume' : undefined
}
