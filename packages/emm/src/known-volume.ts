import { NbError, type Volume } from '@nb/contracts'
import type { InventoryView } from './inventory.ts'

/** The volume of that id. Throws `not-found`. */
export function requireVolume(view: InventoryView, volumeId: string): Volume {
  const volume = view.volumes.get(volumeId)
  if (volume !== undefined) return volume
  throw new NbError('not-found', `volume ${volumeId} is not known`, { details: { volumeId } })
}
