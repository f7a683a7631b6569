import type { LibraryElement, LibraryPlace } from '@nb/contracts'

/** The element of a place. */
export function elementAt(
  inventory: readonly LibraryElement[],
  { kind, number }: LibraryPlace,
): LibraryElement | undefined {
  return inventory.find(({ place }) => place.kind === kind && place.number === number)
}

/** The element that holds a volume, by its barcode. */
export function elementWith(
  inventory: readonly LibraryElement[],
  barcode: string,
): LibraryElement | undefined {
  return inventory.find((element) => element.barcode === barcode)
}

/** The element of a drive, by its name. */
export function elementOfDrive(
  inventory: readonly LibraryElement[],
  drive: string,
): LibraryElement | undefined {
  return inventory.find((element) => element.drive === drive)
}

/** Whether anything lies there. */
export function isOccupied({ barcode, unlabelled }: LibraryElement): boolean {
  return barcode !== undefined || unlabelled === true
}

/**
 * Where a volume goes that is taken out of a drive: to the slot it came from, else to the one it is known by, else to the first that is
 * empty; never to where people put volumes in and take them out. `undefined` where there is no room.
 */
export function homeFor(
  inventory: readonly LibraryElement[],
  from: LibraryPlace | undefined,
  knownSlot: number | undefined,
): LibraryPlace | undefined {
  const wanted = [from, knownSlot === undefined ? undefined : ({ kind: 'slot', number: knownSlot } as const)]
  for (const place of wanted) {
    if (place?.kind !== 'slot') continue
    const element = elementAt(inventory, place)
    if (element !== undefined && !isOccupied(element)) return place
  }
  return inventory.find((element) => element.place.kind === 'slot' && !isOccupied(element))?.place
}
