import { describePlace, type InventoryDifference, type InventoryPlace } from '@nb/contracts'

/** A difference in a line, as what is done about it, or would be. */
export function differenceText(robot: string, difference: InventoryDifference): string {
  switch (difference.kind) {
    case 'new': {
      const { volumeId, barcode, slot, pool, density } = difference.volume
      const where = slot === undefined ? 'in a drive' : `in slot ${slot}`
      return `volume ${volumeId}: new, ${barcode ?? 'without a barcode'} ${where}, pool ${pool}, density ${density}`
    }
    case 'moved': {
      const { volumeId, from, to } = difference
      const before = from === undefined ? 'came in' : `from slot ${from}`
      return `volume ${volumeId}: ${before}, now in ${to === undefined ? 'a drive' : `slot ${to}`}`
    }
    case 'gone': {
      const { volumeId, from } = difference
      return `volume ${volumeId}: not in ${robot} any more${from === undefined ? '' : `, was in slot ${from}`}`
    }
    case 'refused': {
      const { barcode, place, why } = difference
      return `${place}: ${barcode ?? 'a cartridge'} is not taken in: ${why}`
    }
  }
}

/** Whether nothing lies there, and nothing should. */
export function isPlainlyEmpty({ barcode, unlabelled, expected }: InventoryPlace): boolean {
  return barcode === undefined && unlabelled !== true && expected === undefined
}

/** What of a place is not as the media manager says, or is for a person to do. */
export function placeNote(
  place: InventoryPlace,
  robot: string,
  differences: readonly InventoryDifference[],
): string | undefined {
  const { barcode, unlabelled, volumeId, expected } = place
  const isOccupied = barcode !== undefined || unlabelled === true
  if (place.place.kind === 'import-export')
    return isOccupied ? `take it out, or take it in: nb robot inject ${robot}` : undefined
  const where = describePlace(place.place)
  for (const one of differences) {
    if (one.kind === 'refused' && one.place === where) return one.why
    if (one.kind === 'new' && one.volume.barcode === barcode)
      return `new: would be volume ${one.volume.volumeId}`
  }
  if (volumeId === expected) return undefined
  if (volumeId === undefined) return `${expected ?? ''} should be here`
  return expected === undefined ? 'it is not known to be here' : `${expected} should be here`
}
