import {
  type InjectReport,
  type Injected,
  type InventoryDifference,
  type LibraryElement,
  NbError,
  type NotInjected,
  type TapeRobot,
  type Volume,
} from '@nb/contracts'
import { isOccupied } from './stock.ts'

/** What is moved between slots and mail slots with, within one turn of the robot. */
export interface MailDesk {
  readonly name: string
  readonly robot: TapeRobot
  /** Where a volume is. Rejects with `media-open-failed` where it is not in the robot, once that is told to the media manager. */
  readonly find: (inventory: readonly LibraryElement[], volume: Volume) => Promise<LibraryElement>
  /** Brings home what is in a drive that nobody uses. Rejects with `drive-not-ready` for one in use. */
  readonly takeFrom: (
    inventory: readonly LibraryElement[],
    element: LibraryElement,
    volumeId: string,
  ) => Promise<void>
}

/** The number of the mail slot that a volume has been moved into; `undefined` where none is empty. */
export async function moveIntoMail(desk: MailDesk, volume: Volume): Promise<number | undefined> {
  let inventory = await desk.robot.inventory()
  const mail = mailSlots(desk.name, inventory)
  const found = await desk.find(inventory, volume)
  if (found.place.kind === 'import-export') return found.place.number
  const to = mail.find((element) => !isOccupied(element))?.place
  if (to === undefined) return undefined
  if (found.place.kind === 'drive') {
    await desk.takeFrom(inventory, found, volume.volumeId)
    inventory = await desk.robot.inventory()
  }
  const { place: from } = await desk.find(inventory, volume)
  await desk.robot.move({ from, to })
  return to.number
}

/** The error for mail slots that are all taken, by what is in them. */
export async function mailIsFull({ name, robot }: MailDesk, volumeId: string): Promise<NbError> {
  const taken = mailSlots(name, await robot.inventory()).map(
    ({ place, barcode }) => `${place.number}: ${barcode ?? 'a cartridge without a barcode'}`,
  )
  return new NbError(
    'element-full',
    `Volume ${volumeId} stays in robot ${name}: no mail slot is empty (${taken.join(', ')}). Take out what is in them, and eject it again.`,
    { details: { robot: name, volumeId } },
  )
}

/** Moves what is in the mail slots into slots, each as far as it can be; `takeStock` has the media manager say what the robot has then. */
export async function takeInMail(
  desk: MailDesk,
  takeStock: () => Promise<readonly InventoryDifference[]>,
): Promise<Omit<InjectReport, 'injected'> & { readonly injected: readonly Omit<Injected, 'volumeId'>[] }> {
  const { name, robot } = desk
  const inventory = await robot.inventory()
  const empty = inventory.filter((each) => each.place.kind === 'slot' && !isOccupied(each))
  const injected: Omit<Injected, 'volumeId'>[] = []
  const left: NotInjected[] = []
  let failure: NbError | undefined
  for (const element of mailSlots(name, inventory)) {
    if (!isOccupied(element)) continue
    const { place, barcode } = element
    const why = whyNotTaken(name, inventory, element, empty.length)
    const slot = why === undefined ? empty.shift() : undefined
    if (slot === undefined || barcode === undefined) {
      left.push({ mailSlot: place.number, ...(barcode === undefined ? {} : { barcode }), why: why ?? '' })
      continue
    }
    try {
      await robot.move({ from: place, to: slot.place })
      injected.push({ barcode, mailSlot: place.number, slot: slot.place.number })
    } catch (error) {
      if (!(error instanceof NbError)) throw error
      failure ??= error
      left.push({ mailSlot: place.number, barcode, why: error.message })
    }
  }
  // Nothing was done: the caller may take another look.
  if (failure !== undefined && injected.length === 0) throw failure
  return { injected, left, differences: await takeStock() }
}

function mailSlots(name: string, inventory: readonly LibraryElement[]): readonly LibraryElement[] {
  const mail = inventory.filter(({ place }) => place.kind === 'import-export')
  if (mail.length > 0) return mail
  throw new NbError(
    'not-supported',
    `Robot ${name} has no mail slots: open its door, change cartridges by hand, and update its inventory.`,
    { details: { robot: name } },
  )
}

function whyNotTaken(
  name: string,
  inventory: readonly LibraryElement[],
  { place, barcode }: LibraryElement,
  emptySlots: number,
): string | undefined {
  if (barcode === undefined)
    return 'its barcode could not be read: see how its label sits, and whether it has one'
  const isTwice = inventory.some((other) => other.barcode === barcode && other.place !== place)
  if (isTwice) return 'another cartridge in the robot has the same barcode: give one of them another label'
  return emptySlots === 0 ? `no slot of robot ${name} is empty: eject volumes first` : undefined
}
