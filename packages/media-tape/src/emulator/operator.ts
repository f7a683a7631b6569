import { NbError } from '@nb/contracts'
import type { ChangerUnit } from './changer/changer-unit.ts'
import type { DriveUnit } from './drive/drive-unit.ts'
import type { LibrarySettings } from './library-options.ts'
import type { LibraryState } from './library-state.ts'
import { makeVolume, type Volume, type VolumeOptions } from './medium/volume.ts'
import { conditions } from './target/conditions.ts'
import { tapeAlert } from './target/tape-alerts.ts'

/** What is to be another way with a cartridge. */
export interface VolumeChange extends Partial<
  Pick<Volume, 'barcode' | 'writeProtected' | 'damaged' | 'capacityBytes'>
> {
  /** Which one. */
  readonly name: string
}

/**
 * What people do to an emulated library with their hands. Slots and mail slots are counted from 1. Rejects with `not-found` for a cartridge or place that
 * isn't there, with `state-conflict` where it is in the way or out of reach.
 */
export interface Operator {
  /** Puts a cartridge into a mail slot: a new one, or by its name one that was taken out before. */
  putIntoMail(input: { readonly volume: VolumeOptions | string; readonly mailSlot?: number }): Promise<void>
  /** Takes the cartridge out of a mail slot; gives its name. */
  takeFromMail(input: { readonly mailSlot: number }): Promise<string>
  /** Exchanges what is in two slots behind the library's back: it goes on believing what it did. */
  swapSlots(input: { readonly slot: number; readonly with: number }): Promise<void>
  /** Changes the label, the tab, or what is damaged, of a cartridge that is in no drive. */
  change(input: VolumeChange): Promise<void>
  /** Frees a robot that is stuck. */
  freeRobot(): Promise<void>
  /** Switches a drive off and on: a broken one works again. What was in its buffer is lost. */
  restartDrive(input: { readonly drive: number }): Promise<void>
}

/** Makes the hands. */
export function createOperator(
  state: LibraryState,
  changer: ChangerUnit,
  drives: readonly DriveUnit[],
  options: LibrarySettings,
): Operator {
  const { elements } = state
  const conflict = (why: string, details: Record<string, string | number>): NbError =>
    new NbError('state-conflict', why, { details })
  const address = (range: 'storage' | 'importExport', number: number): number => {
    const { first, count } = elements.addresses[range]
    if (Number.isSafeInteger(number) && number >= 1 && number <= count) return first + number - 1
    const kind = range === 'storage' ? 'slot' : 'mail slot'
    throw new NbError('not-found', `the library has no ${kind} ${number}`, { details: { number } })
  }
  const reachMail = (): void => {
    if (changer.unit.preventing.size > 0) throw conflict('a host keeps the mail slots locked', {})
  }
  const accessed = async (at: number, byOperator: boolean): Promise<void> => {
    elements.scan(at, (name) => state.labelOf(name))
    const element = elements.at(at)
    if (element !== undefined) elements.set({ ...element, byOperator, source: null })
    await state.saveLayout()
    changer.unit.attentions.raise(conditions.importExportAccessed)
  }
  const between = <Result>(action: () => Promise<Result>): Promise<Result> => changer.unit.between(action)
  return {
    putIntoMail: ({ volume, mailSlot = 1 }) =>
      between(async () => {
        reachMail()
        const at = address('importExport', mailSlot)
        if (elements.at(at)?.holds !== null) throw conflict(`mail slot ${mailSlot} is taken`, { mailSlot })
        const name = typeof volume === 'string' ? volume : volume.name
        if (elements.find(name) !== undefined) throw conflict(`cartridge ${name} is in the library`, { name })
        if (typeof volume === 'string') await state.adopt(name)
        else await state.create(makeVolume(volume, options), volume.contents ?? [])
        state.put(at, name)
        await accessed(at, true)
      }),
    takeFromMail: ({ mailSlot }) =>
      between(async () => {
        reachMail()
        const at = address('importExport', mailSlot)
        const name = elements.at(at)?.holds ?? null
        if (name === null)
          throw new NbError('not-found', `mail slot ${mailSlot} is empty`, { details: { mailSlot } })
        state.put(at, null)
        await accessed(at, false)
        return name
      }),
    swapSlots: ({ slot, with: other }) =>
      between(async () => {
        const [one, two] = [address('storage', slot), address('storage', other)]
        const holds = [elements.at(one)?.holds ?? null, elements.at(two)?.holds ?? null] as const
        state.put(one, holds[1])
        state.put(two, holds[0])
        await state.saveLayout()
      }),
    change: ({ name, ...changes }) =>
      between(async () => {
        const place = elements.find(name)
        if (place !== undefined && elements.driveAt(place.address) !== undefined)
          throw conflict(`cartridge ${name} is in a drive`, { name })
        await state.saveVolume({ ...state.volume(name), ...changes })
      }),
    freeRobot: () =>
      between(async () => {
        changer.robot.jammed = false
        changer.unit.alerts.clear(tapeAlert.libraryHardwareB)
      }),
    restartDrive: async ({ drive }) => {
      const unit = drives[drive - 1]
      if (unit === undefined)
        throw new NbError('not-found', `the library has no drive ${drive}`, { details: { drive } })
      await unit.powerOff(false)
      await unit.powerOn()
    },
  }
}
