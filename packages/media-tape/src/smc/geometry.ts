import { describePlace, type LibraryPlace, NbError } from '@nb/contracts'
import { elementType } from '../scsi/command-codes.ts'
import type { ElementAddresses, ElementRange } from '../scsi/mode-pages.ts'

const rangeOf = { slot: 'storage', drive: 'drive', 'import-export': 'importExport' } as const
const typeOf = {
  slot: elementType.storage,
  drive: elementType.drive,
  'import-export': elementType.importExport,
} as const

/** The kinds of places, in the order of an inventory. */
export const kindsOfPlaces = ['drive', 'slot', 'import-export'] as const

/** The elements of a kind. */
export function elementsOf(addresses: ElementAddresses, kind: LibraryPlace['kind']): ElementRange {
  return addresses[rangeOf[kind]]
}

/** The element type of a kind of places (`elementType`). */
export function elementTypeOf(kind: LibraryPlace['kind']): number {
  return typeOf[kind]
}

/** The element address of a place. Throws `not-found` where the library has no such place. */
export function addressOf(addresses: ElementAddresses, place: LibraryPlace): number {
  const { first, count } = elementsOf(addresses, place.kind)
  if (Number.isSafeInteger(place.number) && place.number >= 1 && place.number <= count)
    return first + place.number - 1
  throw new NbError('not-found', `the library has no ${describePlace(place)}`, {
    details: { place: describePlace(place) },
  })
}

/** The place of an element address; `undefined` for the robot's hand and for what is none. */
export function placeOf(addresses: ElementAddresses, address: number): LibraryPlace | undefined {
  for (const kind of kindsOfPlaces) {
    const { first, count } = elementsOf(addresses, kind)
    if (address >= first && address < first + count) return { kind, number: address - first + 1 }
  }
  return undefined
}
