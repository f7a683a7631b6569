import {
  type CallOptions,
  describePlace,
  type InventoryDifference,
  type LibraryElement,
  type Logger,
  type MediaManager,
  NbError,
  SerialQueue,
  type TapeRobot,
  type Volume,
} from '@nb/contracts'
import { type BarcodeReading, meaningOf } from './barcode-rules.ts'
import type { DriveBay, DriveHandling } from './drive-bay.ts'
import { LibraryRecords } from './library-records.ts'
import { type MailDesk, mailIsFull, moveIntoMail, takeInMail } from './mail-slots.ts'
import { RobotState } from './robot-state.ts'
import { elementAt, elementOfDrive, elementWith, homeFor, isOccupied } from './stock.ts'

/** What a library is made of. */
export interface LibraryParts {
  readonly name: string
  readonly robot: TapeRobot
  readonly media: MediaManager
  readonly bays: ReadonlyMap<string, DriveBay>
  readonly care: DriveHandling
  readonly logger: Logger
  /** Is told what an operator has to know. */
  readonly warn: (text: string) => void
}

/** What came of putting a volume into a drive. */
interface Put {
  /** It was not put there: it is about to leave another drive. Resolves when it is to be looked for again. */
  readonly goesHome?: Promise<void>
}

/**
 * A robot and what it serves. Whatever looks and then moves is one turn, so that nothing moves in between; the media manager hears of a move when it
 * has been made.
 */
export class Library {
  readonly name: string
  readonly #parts: LibraryParts
  readonly #turns: SerialQueue = new SerialQueue()
  readonly #state: RobotState
  readonly #records: LibraryRecords
  /** Cleaning cartridges that can't clean any more, by barcode. */
  readonly #usedUp: Set<string> = new Set()

  constructor(parts: LibraryParts) {
    this.name = parts.name
    this.#parts = parts
    this.#state = new RobotState(parts)
    this.#records = new LibraryRecords(parts)
  }

  /** All places and what is there. */
  inventory(options?: CallOptions): Promise<readonly LibraryElement[]> {
    return this.#parts.robot.inventory(options)
  }

  /** Whether the robot shows a volume in a drive, as far as it can tell: by its barcode. */
  async shows({ barcode }: Volume, bay: DriveBay): Promise<boolean> {
    if (barcode === undefined) return true
    const element = await this.#turn(async () => this.#elementOf(await this.#parts.robot.inventory(), bay))
    return element.unlabelled === true || element.barcode === barcode
  }

  /**
   * Puts a volume into a drive that is the caller's; what is there goes home before. Where it is still in another drive whose user wants another one
   * it is waited for, outside the turn, so that the robot is free to bring it home.
   */
  async put(volume: Volume, bay: DriveBay, tell: (text: string) => Promise<void>): Promise<void> {
    for (;;) {
      const { goesHome } = await this.#turn(() => this.#twice(() => this.#put(volume, bay, tell)))
      if (goesHome === undefined) return
      await goesHome
    }
  }

  /** Puts a volume that nobody uses into a mail slot, whose number it gives; it is in no robot then. */
  eject(volume: Volume): Promise<number> {
    return this.#turn(async () => {
      const mailSlot = await this.#twice(() => moveIntoMail(this.#mail, volume))
      if (mailSlot === undefined) throw await mailIsFull(this.#mail, volume.volumeId)
      await this.#records.gone(volume)
      return mailSlot
    })
  }

  /** The number of the mail slot that a volume is in. */
  async inMail({ barcode }: Volume): Promise<number | undefined> {
    const found = barcode === undefined ? undefined : elementWith(await this.inventory(), barcode)
    return found?.place.kind === 'import-export' ? found.place.number : undefined
  }

  /** Takes in what is in the mail slots. */
  inject(barcodes: BarcodeReading): ReturnType<typeof takeInMail> {
    const takeStock = async (): Promise<readonly InventoryDifference[]> =>
      await this.#records.update(await this.#parts.robot.inventory(), barcodes)
    return this.#turn(() => this.#twice(() => takeInMail(this.#mail, takeStock)))
  }

  /** Brings home what is in a drive that is the caller's, and has been unloaded. */
  empty(bay: DriveBay): Promise<void> {
    return this.#turn(async () => {
      const inventory = await this.#parts.robot.inventory()
      const mine = this.#elementOf(inventory, bay)
      if (isOccupied(mine)) await this.#home(inventory, mine)
      bay.changed(false)
    })
  }

  /** Puts a cleaning cartridge into an empty drive that is the caller's; gives its barcode, or nothing where there is none that cleans. */
  bringCleaner(bay: DriveBay, barcodes: BarcodeReading): Promise<string | undefined> {
    const { robot } = this.#parts
    return this.#turn(async () => {
      const inventory = await robot.inventory()
      const isCleaner = (barcode: string): boolean =>
        !this.#usedUp.has(barcode) && meaningOf(barcode, barcodes, this.name)?.use === 'cleaning'
      const cleaner = inventory.find(
        ({ place, barcode }) => place.kind === 'slot' && barcode !== undefined && isCleaner(barcode),
      )
      if (cleaner?.barcode === undefined) return undefined
      await robot.move({ from: cleaner.place, to: this.#elementOf(inventory, bay).place })
      return cleaner.barcode
    })
  }

  /** It is brought no more. */
  cleanerIsUsedUp(barcode: string): void {
    this.#usedUp.add(barcode)
  }

  /** Has the media manager say what the robot has. */
  update(barcodes: BarcodeReading): Promise<readonly InventoryDifference[]> {
    return this.#turn(async () => this.#records.update(await this.#parts.robot.inventory(), barcodes))
  }

  /** Has the media manager say what is in the drives. */
  takeStock(): Promise<void> {
    return this.#turn(async () => this.#records.drivesHold(await this.#parts.robot.inventory()))
  }

  /** Takes stock at the start. A robot that can't be asked is down until it can: the others are to be used. */
  async begin(): Promise<void> {
    await this.#state.begin()
    try {
      await this.takeStock()
    } catch (error) {
      if (!isOfHardware(error)) throw error
      await this.#state.failed(error.message)
    }
  }

  /** Where it failed, it is looked at again. */
  async recover(): Promise<void> {
    if (!this.#state.isDown) return
    await this.takeStock().catch((error: unknown) =>
      this.#parts.logger.error('robot %s is still down: %o', this.name, error),
    )
  }

  get #mail(): MailDesk {
    return {
      name: this.name,
      robot: this.#parts.robot,
      find: (inventory, volume) => this.#find(inventory, volume),
      takeFrom: (inventory, element, volumeId) => this.#takeFrom(inventory, element, volumeId),
    }
  }

  async #put(volume: Volume, bay: DriveBay, tell: (text: string) => Promise<void>): Promise<Put> {
    const { robot, media, care, bays } = this.#parts
    let inventory = await robot.inventory()
    const target = await this.#find(inventory, volume)
    let mine = this.#elementOf(inventory, bay)
    if (target === mine) {
      await this.#records.correctDrives(volume.volumeId, bay.name)
      return {}
    }
    if (!isOccupied(mine) && (await this.#unloadUnseen(bay))) {
      inventory = await robot.inventory()
      mine = this.#elementOf(inventory, bay)
    }
    if (isOccupied(mine)) {
      await care.unload(bay)
      await this.#home(inventory, mine)
      bay.changed(false)
      await media.recordUnmount({ drive: bay.name })
      inventory = await robot.inventory()
    }
    if (target.place.kind === 'drive') {
      const other = bays.get(target.drive ?? '')
      if (other?.isChanging === true) return { goesHome: other.nextChange() }
      await this.#takeFrom(inventory, target, volume.volumeId)
      inventory = await robot.inventory()
    }
    await this.#records.correctDrives(volume.volumeId, bay.name)
    const from = (await this.#find(inventory, volume)).place
    await robot.move({ from, to: mine.place })
    if (from.kind === 'slot') await this.#records.keptIn(volume, from.number)
    await tell(
      `robot ${this.name} has put volume ${volume.volumeId} from ${describePlace(from)} into drive ${bay.name}`,
    )
    return {}
  }

  /**
   * Has a drive give back what it holds though the robot sees nothing there: a library that began anew may have forgotten it. Put in on top of it
   * the robot would get stuck.
   */
  async #unloadUnseen(bay: DriveBay): Promise<boolean> {
    const { care, warn } = this.#parts
    if ((await care.look(bay)).state === 'empty') return false
    warn(`drive ${bay.name} holds something that robot ${this.name} does not see there: it is unloaded`)
    await care.unload(bay)
    return true
  }

  /** Where a volume is. One that is not where it should be is told to the media manager as it is. */
  async #find(inventory: readonly LibraryElement[], volume: Volume): Promise<LibraryElement> {
    const { volumeId, barcode, slot } = volume
    const found =
      barcode !== undefined
        ? elementWith(inventory, barcode)
        : slot === undefined
          ? undefined
          : elementAt(inventory, { kind: 'slot', number: slot })
    if (found !== undefined && isOccupied(found)) return found
    await this.#records.gone(volume)
    throw new NbError(
      'media-open-failed',
      `Volume ${volumeId} is not in robot ${this.name}: put it in and update the inventory.`,
      { retryable: false, details: { volumeId, robot: this.name, missing: true } },
    )
  }

  /** Takes the volume out of another drive, where nobody uses that. */
  async #takeFrom(
    inventory: readonly LibraryElement[],
    element: LibraryElement,
    volumeId: string,
  ): Promise<void> {
    const { bays, media, care } = this.#parts
    const other = element.drive === undefined ? undefined : bays.get(element.drive)
    if (other === undefined || other.inUse)
      throw new NbError(
        'drive-not-ready',
        `Volume ${volumeId} is in ${element.drive ?? describePlace(element.place)}, which is in use.`,
        {
          details: { volumeId, drive: element.drive ?? '' },
        },
      )
    const giveBack = await other.acquire()
    try {
      other.cancelDelay()
      other.loaded = undefined
      await care.unload(other)
      await this.#home(inventory, element)
      await media.recordUnmount({ drive: other.name })
      await care.letGo(other)
    } finally {
      giveBack()
    }
  }

  /** Moves what is in a drive home. */
  async #home(inventory: readonly LibraryElement[], element: LibraryElement): Promise<void> {
    const volumes = await this.#records.volumes()
    const volume = volumes.find(({ barcode }) => barcode !== undefined && barcode === element.barcode)
    const home = homeFor(inventory, element.from, volume?.robot === this.name ? volume.slot : undefined)
    if (home === undefined)
      throw new NbError(
        'element-full',
        `Robot ${this.name} has no empty slot for what is in ${describePlace(element.place)}.`,
        {
          details: { robot: this.name },
        },
      )
    await this.#parts.robot.move({ from: element.place, to: home })
    if (volume !== undefined) await this.#records.keptIn(volume, home.number)
  }

  #elementOf(inventory: readonly LibraryElement[], { name }: DriveBay): LibraryElement {
    const element = elementOfDrive(inventory, name)
    if (element !== undefined) return element
    throw new NbError('not-found', `Robot ${this.name} does not serve a drive ${name}.`, {
      details: { robot: this.name, drive: name },
    })
  }

  /** People may have changed something since the inventory, or the robot failed on its way: one more look tells. */
  async #twice<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!mayHaveChanged(error)) throw error
      this.#parts.logger.error('robot %s: %o; it is tried once more', this.name, error)
      return await work()
    }
  }

  /** Runs alone; what the robot fails at takes it down, what it does brings it up again. */
  #turn<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns.run(async () => {
      try {
        const result = await work()
        await this.#state.works()
        return result
      } catch (error) {
        if (error instanceof NbError && error.code === 'robot-failed') await this.#state.failed(error.message)
        throw error
      }
    })
  }
}

/** How a robot fails, or the way to it. */
const hardwareCodes: ReadonlySet<string> = new Set([
  'robot-failed',
  'robot-not-ready',
  'scsi-transport-lost',
  'scsi-timeout',
  'scsi-command-failed',
])

function isOfHardware(error: unknown): error is NbError {
  return error instanceof NbError && hardwareCodes.has(error.code)
}

function mayHaveChanged(error: unknown): boolean {
  const codes = ['state-conflict', 'element-empty', 'element-full', 'robot-failed']
  return error instanceof NbError && codes.includes(error.code)
}
