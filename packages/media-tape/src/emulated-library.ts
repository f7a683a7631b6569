import {
  type CallOptions,
  type Clock,
  describePlace,
  type LibraryElement,
  type LibraryPlace,
  type Lifecycle,
  NbError,
  SerialQueue,
  type TapeDrive,
  type TapeRobot,
  throwIfAborted,
} from '@nb/contracts'
import type { CartridgeStore, LibraryLayout } from './cartridge.ts'
import { EmulatedDrive } from './emulated-drive.ts'
import { memoryCartridges } from './memory-cartridges.ts'
import { instantTimings, type TapeTimings } from './tape-timings.ts'

/** What an emulated library works with. */
export interface EmulatedLibraryComponents {
  readonly clock: Clock
  /** Where the volumes are kept. @default memoryCartridges() */
  readonly store?: CartridgeStore
}

/** What the library is like. */
export interface EmulatedLibraryOptions {
  /** Storage slots, 1–10000. */
  readonly slots: number
  /** Drives, 1–100, named `drive1`, `drive2`, … */
  readonly drives: number
  /** Bytes of blocks that fit on a volume, from 1 on. */
  readonly capacityBytes: number
  /** The last bytes of the capacity, in which the early warning is given. @default a hundredth of the capacity */
  readonly earlyWarningBytes?: number
  /** Barcodes in the slots of a new library, from slot 1 on. @default E00001L8, E00002L8, … in all slots but the last */
  readonly volumes?: readonly string[]
  /** @default instantTimings */
  readonly timings?: TapeTimings
}

/** A tape library that is nowhere but here. Start it before use; stopping closes its volumes. */
export interface EmulatedLibrary extends Required<Lifecycle> {
  readonly robot: TapeRobot
  /** By number. */
  readonly drives: readonly TapeDrive[]
  /** Sets or clears the tab of a volume in a slot. Rejects with `not-found` when it is in none. */
  setWriteProtect(input: { readonly barcode: string; readonly writeProtected: boolean }): Promise<void>
}

/** Makes an emulated tape library. Throws `TypeError` for an option out of bounds. */
export function createEmulatedLibrary(
  { clock, store = memoryCartridges() }: EmulatedLibraryComponents,
  options: EmulatedLibraryOptions,
): EmulatedLibrary {
  const { slots, drives: driveCount, capacityBytes, timings = instantTimings } = options
  check('slots', slots, 1, 10_000)
  check('drives', driveCount, 1, 100)
  check('capacityBytes', capacityBytes, 1, Number.MAX_SAFE_INTEGER)
  const { earlyWarningBytes = Math.ceil(capacityBytes / 100), volumes = defaultBarcodes(slots) } = options
  check('earlyWarningBytes', earlyWarningBytes, 0, capacityBytes)
  checkBarcodes(volumes, slots)

  const drives = Array.from(
    { length: driveCount },
    (_, index) => new EmulatedDrive(`drive${index + 1}`, clock, timings),
  )
  const places = new Places(slots, driveCount, volumes)
  const moves = new SerialQueue()

  const insert = async (number: number, barcode: string): Promise<void> => {
    const cartridge = await store.open(barcode)
    const writeProtected = places.writeProtected.has(barcode)
    const volume = { barcode, writeProtected, capacityBytes, earlyWarningBytes, cartridge }
    drives[number - 1]?.insert(volume)
  }
  const move = async ({ from, to }: { from: LibraryPlace; to: LibraryPlace }): Promise<void> => {
    const barcode = places.checkMove(from, to)
    if (from.kind === 'drive') await drives[from.number - 1]?.take()
    if (timings.moveMs > 0) await clock.sleep(timings.moveMs)
    places.move(from, to)
    try {
      await store.saveLayout(places.layout())
    } catch (error) {
      places.move(to, from)
      if (from.kind === 'drive') await insert(from.number, barcode)
      throw error
    }
    if (to.kind === 'drive') await insert(to.number, barcode)
  }
  const robot: TapeRobot = {
    inventory: async (callOptions) => {
      throwIfAborted(callOptions)
      return moves.run(async () => places.elements(drives.map(({ name }) => name)))
    },
    move: (input, callOptions?: CallOptions) =>
      moves.run(async () => {
        throwIfAborted(callOptions)
        await move(input)
      }),
  }
  let started: Promise<void> | undefined
  const start = async (): Promise<void> => {
    const layout = await store.loadLayout()
    if (layout === undefined) await store.saveLayout(places.layout())
    else places.restore(layout)
    // A volume that was in a drive when the power went is in its mouth.
    for (const [index, barcode] of places.layout().drives.entries())
      if (barcode !== null) await insert(index + 1, barcode)
  }
  return {
    robot,
    drives,
    start: () =>
      (started ??= start().catch((error: unknown) => {
        started = undefined
        throw error
      })),
    stop: async () => {
      await started?.catch(() => undefined)
      started = undefined
      await moves.settled()
      for (const drive of drives) await drive.switchOff()
    },
    setWriteProtect: ({ barcode, writeProtected }) =>
      moves.run(async () => {
        if (!places.isInSlot(barcode))
          throw new NbError('not-found', `volume ${barcode} is in no slot`, { details: { barcode } })
        if (writeProtected) places.writeProtected.add(barcode)
        else places.writeProtected.delete(barcode)
        await store.saveLayout(places.layout())
      }),
  }
}

/** Which volume is where. */
class Places {
  readonly writeProtected: Set<string> = new Set()
  /** It has no places to import and export. */
  readonly #places: Record<LibraryPlace['kind'], (string | null)[]>
  #from: (number | null)[]

  constructor(slots: number, drives: number, volumes: readonly string[]) {
    const slot = Array.from({ length: slots }, (_, index) => volumes[index] ?? null)
    this.#places = { slot, drive: Array.from({ length: drives }, () => null), 'import-export': [] }
    this.#from = this.#places.drive.map(() => null)
  }

  layout(): LibraryLayout {
    const { slot, drive } = this.#places
    return {
      slots: [...slot],
      drives: [...drive],
      from: [...this.#from],
      writeProtected: [...this.writeProtected],
    }
  }

  /** Takes up a saved layout. `store-corrupt` when it is that of another library. */
  restore({ slots, drives, from, writeProtected }: LibraryLayout): void {
    const { slot, drive } = this.#places
    if (slots.length !== slot.length || drives.length !== drive.length)
      throw new NbError(
        'store-corrupt',
        `the library on record has ${slots.length} slots and ${drives.length} drives, this one ${slot.length} and ${drive.length}`,
      )
    slot.splice(0, slot.length, ...slots)
    drive.splice(0, drive.length, ...drives)
    this.#from = [...from]
    for (const barcode of writeProtected) this.writeProtected.add(barcode)
  }

  isInSlot(barcode: string): boolean {
    return this.#places.slot.includes(barcode)
  }

  elements(driveNames: readonly string[]): LibraryElement[] {
    const element = (kind: LibraryPlace['kind'], index: number, extra: object): LibraryElement => {
      const barcode = this.#places[kind][index]
      return { place: { kind, number: index + 1 }, ...extra, ...(barcode == null ? {} : { barcode }) }
    }
    return [
      ...this.#places.drive.map((_, index) => {
        const from = this.#from[index]
        const came = from == null ? {} : { from: { kind: 'slot', number: from } as const }
        return element('drive', index, { drive: driveNames[index], ...came })
      }),
      ...this.#places.slot.map((_, index) => element('slot', index, {})),
    ]
  }

  /** The barcode that would move. Throws `not-found`, `element-empty`, `element-full`. */
  checkMove(from: LibraryPlace, to: LibraryPlace): string {
    const barcode = this.#at(from)
    const there = this.#at(to)
    if (barcode === null)
      throw new NbError('element-empty', `there is no volume in ${describePlace(from)}`, {
        details: { place: describePlace(from) },
      })
    if (there !== null)
      throw new NbError('element-full', `volume ${there} is in ${describePlace(to)}`, {
        details: { place: describePlace(to), barcode: there },
      })
    return barcode
  }

  move(from: LibraryPlace, to: LibraryPlace): void {
    this.#places[to.kind][to.number - 1] = this.#at(from)
    this.#places[from.kind][from.number - 1] = null
    const slot = from.kind === 'slot' ? from.number : (this.#from[from.number - 1] ?? null)
    if (from.kind === 'drive') this.#from[from.number - 1] = null
    if (to.kind === 'drive') this.#from[to.number - 1] = slot
  }

  #at(place: LibraryPlace): string | null {
    const barcode = this.#places[place.kind][place.number - 1]
    if (barcode !== undefined) return barcode
    throw new NbError('not-found', `the library has no ${describePlace(place)}`, {
      details: { place: describePlace(place) },
    })
  }
}

function defaultBarcodes(slots: number): readonly string[] {
  const volumes = Math.max(1, slots - 1)
  return Array.from({ length: volumes }, (_, index) => `E${String(index + 1).padStart(5, '0')}L8`)
}

function checkBarcodes(volumes: readonly string[], slots: number): void {
  if (volumes.length > slots) throw new TypeError(`${volumes.length} volumes do not fit into ${slots} slots`)
  if (new Set(volumes).size !== volumes.length) throw new TypeError('a barcode is on two volumes')
  for (const barcode of volumes)
    if (!/^[A-Za-z0-9]{1,32}$/.test(barcode))
      throw new TypeError(`barcode ${JSON.stringify(barcode)}; allowed: 1–32 letters and digits`)
}

function check(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(`${name} is ${value}; allowed: a whole number ${least}–${most}`)
}
