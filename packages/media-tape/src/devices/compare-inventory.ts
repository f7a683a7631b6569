import { describePlace, type InventoryDifference, type LibraryElement, type Volume } from '@nb/contracts'
import { type BarcodeReading, meaningOf } from './barcode-rules.ts'

/** What is compared. */
export interface InventoryComparison {
  readonly robot: string
  readonly inventory: readonly LibraryElement[]
  /** All volumes that the media manager knows, of this robot or not. */
  readonly volumes: readonly Volume[]
  readonly barcodes: BarcodeReading
}

/**
 * What would have to change for the media manager to say what the robot has. A volume in a drive keeps the slot it is known by; one in a mail slot is on
 * its way in or out, and not in the robot. Whatever else is wrong with it, nothing of a volume that is known changes but its place.
 */
export function compareInventory(input: InventoryComparison): readonly InventoryDifference[] {
  const { robot, inventory, volumes, barcodes } = input
  const byBarcode = new Map(
    volumes.flatMap((volume) => (volume.barcode === undefined ? [] : [[volume.barcode, volume]])),
  )
  const ids = new Map(volumes.map(({ volumeId, barcode }) => [volumeId, barcode]))
  const seen = new Set<string>()
  const doubled = twice(inventory)
  const differences: InventoryDifference[] = []
  for (const { place, barcode, unlabelled } of inventory) {
    if (place.kind === 'import-export') continue
    const where = describePlace(place)
    if (barcode === undefined) {
      if (unlabelled === true)
        differences.push({ kind: 'refused', place: where, why: 'its barcode could not be read' })
      continue
    }
    const slot = place.kind === 'slot' ? place.number : undefined
    const refused = (why: string): void =>
      void differences.push({ kind: 'refused', barcode, place: where, why })
    const known = byBarcode.get(barcode)
    if (known !== undefined) {
      seen.add(known.volumeId)
    }
    if (doubled.has(barcode)) {
      // Which of them is meant nobody can tell: the label would, in a drive.
      refused('another cartridge in the robot has the same barcode: give one of them another label')
      continue
    }
    if (known !== undefined) {
      const isThere = known.robot === robot && (known.slot === slot || place.kind === 'drive')
      if (!isThere) differences.push(moved(known, robot, slot))
      continue
    }
    const meaning = meaningOf(barcode, barcodes, robot)
    if (meaning === undefined) refused('its barcode gives no volume id of letters and digits')
    else if (meaning.use !== 'data') continue
    else if (ids.has(meaning.volumeId)) refused(clash(meaning.volumeId, ids.get(meaning.volumeId), barcode))
    else {
      const { volumeId, density, pool } = meaning
      ids.set(volumeId, barcode)
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

/** Barcodes that are on several cartridges. */
function twice(inventory: readonly LibraryElement[]): ReadonlySet<string> {
  const once = new Set<string>()
  const doubled = new Set<string>()
  for (const { barcode } of inventory)
    if (barcode !== undefined) (once.has(barcode) ? doubled : once).add(barcode)
  return doubled
}

/** Why a barcode can't have the volume id that it gives, with the way out. */
function clash(volumeId: string, other: string | undefined, barcode: string): string {
  return other === undefined
    ? `volume ${volumeId} is known already, without this barcode: give it the barcode, or the cartridge another label`
    : `volume ${volumeId} has barcode ${other}: give barcodes of ${barcode.length} characters a volume id rule, or the cartridge another label`
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
