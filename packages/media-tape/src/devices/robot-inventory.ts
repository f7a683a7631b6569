import type { Drive, InventoryPlace } from '@nb/contracts'
import type { InventoryComparison } from './compare-inventory.ts'

/** The places of a robot with the volumes that are there by their barcodes, and those that the media manager has there. */
export function inventoryPlaces(
  { robot, inventory, volumes }: Omit<InventoryComparison, 'barcodes'>,
  drives: readonly Drive[],
): readonly InventoryPlace[] {
  const byBarcode = new Map(
    volumes.flatMap(({ barcode, volumeId }) => (barcode === undefined ? [] : [[barcode, volumeId]])),
  )
  const loaded = new Map(drives.map(({ name, loadedVolume }) => [name, loadedVolume]))
  const inDrives = new Set(loaded.values())
  // What is in a drive keeps its slot, and is not expected there.
  const bySlot = new Map(
    volumes.flatMap(({ robot: of, slot, volumeId }) =>
      of === robot && slot !== undefined && !inDrives.has(volumeId) ? [[slot, volumeId]] : [],
    ),
  )
  return inventory.map((element) => {
    const { place, barcode, drive } = element
    const volumeId = barcode === undefined ? undefined : byBarcode.get(barcode)
    const expected =
      place.kind === 'slot' ? bySlot.get(place.number) : drive === undefined ? undefined : loaded.get(drive)
    return {
      ...element,
      ...(volumeId === undefined ? {} : { volumeId }),
      ...(expected === undefined ? {} : { expected }),
    }
  })
}
