import type { LibraryElement, Volume } from '@nb/contracts'
import { type BarcodeRule, meaningOf } from './barcode-rules.ts'

/** A difference between what the robot has and what the media manager says. */
export type InventoryDifference =
  /** The robot has it, nobody knows it: it would be added so. */
  | { readonly kind: 'new'; readonly volume: Volume }
  /** It is in another slot, or was in none. */
  | { readonly kind: 'moved'; readonly volumeId: string; readonly from?: number; readonly to?: number }
  /** It should be in this robot, and is not. */
  | { readonly kind: 'gone'; readonly volumeId: string; readonly from?: number }
  /** What can't be taken in, and why. */
  | { readonly kind: 'refused'; readonly barcode?: string; readonly place: string; readonly why: string }

/** What is compared. */
export interface InventoryComparison {
  readonly robot: string
  readonly inventory: readonly LibraryElement[]
  /** All volumes that the media manager knows, of this robot or not. */
  readonly volumes: readonly Volume[]
  readonly rules: readonly BarcodeRule[]
}

/**
 * What would have to change for the media manager to say what the robot has. A volume in a drive keeps the slot it is known by. Whatever else is
 * wrong with it, nothing of a volume that is known changes but its place.
 */
export function compareInventory(input: InventoryComparison): readonly InventoryDifference[] {
  const { robot, inventory, volumes, rules } = input
  const byBarcode = new Map(
    volumes.flatMap((volume) => (volume.barcode === undefined ? [] : [[volume.barcode, volume]])),
  )
  const ids = new Set(volumes.map(({ volumeId }) => volumeId))
  const seen = new Set<string>()
  const differences: InventoryDifference[] = []
  for (const { place, barcode, unlabelled } of inventory) {
    const where = `${place.kind} ${place.number}`
    if (barcode === undefined) {
      if (unlabelled === true)
        differences.push({ kind: 'refused', place: where, why: 'its barcode could not be read' })
      continue
    }
    const slot = place.kind === 'slot' ? place.number : undefined
    const known = byBarcode.get(barcode)
    if (known !== undefined) {
      seen.add(known.volumeId)
      const isThere = known.robot === robot && (known.slot === slot || place.kind === 'drive')
      if (!isThere) differences.push(moved(known, robot, slot))
      continue
    }
    const meaning = meaningOf(barcode, rules)
    const refused = (why: string): void =>
      void differences.push({ kind: 'refused', barcode, place: where, why })
    if (meaning === undefined) refused('its barcode gives no volume id of letters and digits')
    else if (meaning.use !== 'data') continue
    else if (ids.has(meaning.volumeId))
      refused(
        `volume ${meaning.volumeId} is known already, without this barcode: give it the barcode, or the cartridge another label`,
      )
    else {
      const { volumeId, density, pool } = meaning
      ids.add(volumeId)
      const at = slot === undefined ? {} : { slot }
      differences.push({
        kind: 'new',
        volume: { volumeId, barcode, density, pool, robot, ...at, state: 'active', mounts: 0 },
      })
    }
  }
  for (const { volumeId, robot: of, slot, barcode } of volumes)
    if (of === robot && barcode !== undefined && !seen.has(volumeId))
      differences.push({ kind: 'gone', volumeId, ...(slot === undefined ? {} : { from: slot }) })
  return differences
}

function moved(known: Volume, robot: string, to: number | undefined): InventoryDifference {
  const from = known.robot === robot ? known.slot : undefined
  return {
    kind: 'moved',
    volumeId: known.volumeId,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}
