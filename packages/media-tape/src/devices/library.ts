import {
  type CallOptions,
  describePlace,
  type InventoryDifference,
  type LibraryElement,
  type Logger,
  type MediaManager,
  NbError,
  SerialQueue,
  type Volume,
} from '@nb/contracts'
import type { TapeContent } from '@nb/formats'
import { describeContent } from '../volume/judge-label.ts'
import { describeSlots, look, type ManagedRobot, slotsInDoubt } from './audit.ts'
import { type BarcodeReading, meaningOf } from './barcode-rules.ts'
import type { DriveBay, DriveHandling } from './drive-bay.ts'
import { LibraryRecords } from './library-records.ts'
import { type MailDesk, mailIsFull, moveIntoMail, takeInMail } from './mail-slots.ts'
import { isOfTransport } from './of-transport.ts'
import { RobotState } from './robot-state.ts'
import { elementAt, elementOfDrive, elementWith, homeFor, isOccupied } from './stock.ts'

/** What a library is made of. */
export interface LibraryParts {
  readonly name: string
  readonly robot: ManagedRobot
  readonly media: MediaManager
  readonly bays: ReadonlyMap<string, DriveBay>
  readonly care: DriveHandling
  readonly logger: Logger
  /** Is told what an operator has to know. */
  readonly warn: (text: string) => void
}

/** A tape that is not the volume it was put in for. */
export interface Mistaken {
  readonly volume: Volume
  readonly found: TapeContent
  readonly bay: DriveBay
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
  /** A label has shown that its barcodes are wrong, and nobody has looked into its places since. */
  #isInDoubt = false

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

  /** Whether what it says of its places may be wrong. */
  get isInDoubt(): boolean {
    return this.#isInDoubt
  }

  /**
   * What was put into a drive for a volume is not it, by its label: what the robot says of the places in question is not believed until it has
   * looked into them; into all, where the volume is in none of those. Gives whether it was wrong: the drive holds another cartridge than it said. The
   * operator is told.
   */
  async audit({ volume, found, bay }: Mistaken, barcodes: BarcodeReading): Promise<boolean> {
    const { robot, care, warn } = this.#parts
    await care.unload(bay)
    return await this.#turn(async () => {
      const before = await robot.inventory()
      const { place, from } = this.#elementOf(before, bay)
      const labelled = found.kind === 'nb' ? found.volume.volume : undefined
      const other = (await this.#records.volumes()).find(({ volumeId }) => volumeId === labelled)
      const slots = slotsInDoubt(before, from, [volume, other])
      const places = describeSlots(place, slots)
      const what = `robot ${this.name}: what it put into drive ${bay.name} as volume ${volume.volumeId} ${describeContent(found)}`
      this.#isInDoubt = !(await look(robot, place, slots))
      if (this.#isInDoubt) {
        warn(`${what}. Look into ${places}, then update its inventory; until then no blank tape is labelled.`)
        return false
      }
      let inventory = await robot.inventory()
      if (volume.barcode !== undefined && elementWith(inventory, volume.barcode) === undefined) {
        await robot.initialize?.()
        inventory = await robot.inventory()
      }
      await this.#records.update(inventory, barcodes)
      const wasWrong = this.#elementOf(inventory, bay).barcode !== volume.barcode
      warn(
        wasWrong
          ? `${what}: it was wrong about its places. It has looked into ${places} again.`
          : `${what}, and its barcode is that of ${volume.volumeId}: it has looked again. A label or a barcode is on the wrong cartridge.`,
      )
      return wasWrong
    })
  }

  /**
   * Puts a volume into a drive that is the caller's; what is there goes home before. Where it is still in another drive whose user wants another one
   * it is waited for, outside the turn, so that the robot is free to bring it home.
   */
  async put(volume: Volume, bay: DriveBay, tell: (text: string) => Promise<void>): Promise<void> {
    for (;;) {
      const { goesHome } = await this.#turn(() => this.#twice(() => this.#put(volume, bay, tell))).catch(
        (error: unknown) => notThere(error, volume, this.name),
      )
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
    return this.#turn(async () => {
      const differences = await this.#records.update(await this.#parts.robot.inventory(), barcodes)
      this.#isInDoubt = false
      return differences
    })
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
      const isRobots = error instanceof NbError && ['robot-failed', 'robot-not-ready'].includes(error.code)
      if (!isRobots) throw error
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
    } catch (caught) {
      const error = this.#failure(caught)
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
      } catch (caught) {
        const error = this.#failure(caught)
        if (error instanceof NbError && error.code === 'robot-failed') await this.#state.failed(error.message)
        throw error
      }
    })
  }

  /** A robot that can't be reached has failed. */
  #failure(error: unknown): unknown {
    if (!isOfTransport(error)) return error
    return new NbError('robot-failed', `Robot ${this.name} can't be asked: ${error.message}`, {
      cause: error,
      details: { ...error.details, robot: this.name },
    })
  }
}

/** Where a place is empty that the robot has twice shown to be full, it has not seen what people have done. */
function notThere(error: unknown, { volumeId }: Volume, robot: string): never {
  if (!(error instanceof NbError) || error.code !== 'element-empty') throw error
  throw new NbError(
    'media-open-failed',
    `Volume ${volumeId} can't be brought: what robot ${robot} says of its places is not so (${error.message}). Have it look, and update its inventory.`,
    { retryable: false, details: { ...error.details, volumeId, robot }, cause: error },
  )
}

function mayHaveChanged(error: unknown): boolean {
  const codes = ['state-conflict', 'element-empty', 'element-full', 'robot-failed']
  return error instanceof NbError && codes.includes(error.code)
}
