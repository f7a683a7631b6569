import {
  describePlace,
  type LibraryElement,
  type LibraryPlace,
  NbError,
  type TapeRobot,
  type Volume,
} from '@nb/contracts'
import type { ScsiTapeRobot } from '../smc/scsi-tape-robot.ts'

/** A robot; one that can be told to look into its places does so where a label shows that what it says of them is wrong. */
export type ManagedRobot = TapeRobot & Partial<Pick<ScsiTapeRobot, 'initialize'>>

/** Slots in a row. */
export interface SlotRange {
  readonly first: number
  readonly count: number
}

/**
 * The slots of which the robot may be wrong, when what it took for one volume is another one: where it took it from, where either is said to be, all
 * between them, and their neighbours.
 */
export function slotsInDoubt(
  inventory: readonly LibraryElement[],
  from: LibraryPlace | undefined,
  volumes: readonly (Volume | undefined)[],
): SlotRange | undefined {
  const all = inventory.filter(({ place }) => place.kind === 'slot').map(({ place }) => place.number)
  const barcodes = new Set(volumes.flatMap((volume) => volume?.barcode ?? []))
  const named = [
    ...(from?.kind === 'slot' ? [from.number] : []),
    ...volumes.flatMap((volume) => volume?.slot ?? []),
    ...inventory.flatMap(({ place, barcode }) =>
      place.kind === 'slot' && barcode !== undefined && barcodes.has(barcode) ? [place.number] : [],
    ),
  ]
  if (named.length === 0 || all.length === 0) return undefined
  const first = Math.max(Math.min(...named) - 1, Math.min(...all))
  const last = Math.min(Math.max(...named) + 1, Math.max(...all))
  return { first, count: last - first + 1 }
}

/** Has a robot look into a drive and some slots. False where it can't be told to. */
export async function look(
  robot: ManagedRobot,
  drive: LibraryPlace,
  slots: SlotRange | undefined,
): Promise<boolean> {
  if (robot.initialize === undefined) return false
  try {
    await robot.initialize({ place: drive })
    if (slots !== undefined)
      await robot.initialize({ place: { kind: 'slot', number: slots.first }, count: slots.count })
    return true
  } catch (error) {
    if (error instanceof NbError && error.code === 'not-supported') return false
    throw error
  }
}

/** The places, for people. */
export function describeSlots(drive: LibraryPlace, slots: SlotRange | undefined): string {
  if (slots === undefined) return describePlace(drive)
  return `${describePlace(drive)} and slots ${slots.first} to ${slots.first + slots.count - 1}`
}
