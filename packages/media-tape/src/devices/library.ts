import {
  type CallOptions,
  describePlace,
  type LibraryElement,
  type LibraryPlace,
  type Logger,
  type MediaManager,
  NbError,
  type Robot,
  SerialQueue,
  type TapeRobot,
  type Volume,
} from '@nb/contracts'
import { type BarcodeReading, meaningOf } from './barcode-rules.ts'
import { compareInventory, type InventoryDifference } from './compare-inventory.ts'
import type { DriveBay } from './drive-bay.ts'
import { isOwnReason, ownReason } from './own-reason.ts'
import { elementAt, elementOfDrive, elementWith, homeFor, isOccupied } from './stock.ts'

/** What a library is made of. */
export interface LibraryParts {
  readonly name: string
  readonly robot: TapeRobot
  readonly media: MediaManager
  readonly bays: ReadonlyMap<string, DriveBay>
  readonly logger: Logger
  /** Has a drive give its volume to the robot. Rejects with `drive-not-ready`; the drive is down then. */
  readonly unload: (bay: DriveBay) => Promise<void>
}

/**
 * A robot and what it serves. Whatever looks and then moves is one turn, so that nothing moves in between; the media manager hears of a move when it
 * has been made.
 */
export class Library {
  readonly name: string
  readonly #parts: LibraryParts
  readonly #turns: SerialQueue = new SerialQueue()
  #isDown = false
  /** Cleaning cartridges that can't clean any more, by barcode. */
  readonly #usedUp: Set<string> = new Set()

  constructor(parts: LibraryParts) {
    this.name = parts.name
    this.#parts = parts
  }

  /** All places and what is there. */
  inventory(options?: CallOptions): Promise<readonly LibraryElement[]> {
    return this.#parts.robot.inventory(options)
  }

  /** The barcode of what is in a drive. */
  async barcodeIn(bay: DriveBay): Promise<string | undefined> {
    return elementOfDrive(await this.inventory(), bay.name)?.barcode
  }

  /** Puts a volume into a drive that is the caller's; what is there goes home before. */
  put(volume: Volume, bay: DriveBay, tell: (text: string) => Promise<void>): Promise<void> {
    return this.#turn(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#put(volume, bay, tell)
        } catch (error) {
          // People may have changed something since the inventory, or the robot failed on its way: one more look tells.
          if (attempt > 1 || !mayHaveChanged(error)) throw error
          this.#parts.logger.error('robot %s: %o; it is tried once more', this.name, error)
        }
      }
    })
  }

  /** Brings home what is in a drive that is the caller's, and has been unloaded. */
  empty(bay: DriveBay): Promise<void> {
    return this.#turn(async () => {
      const inventory = await this.#parts.robot.inventory()
      const mine = this.#elementOf(inventory, bay)
      if (isOccupied(mine)) await this.#home(inventory, mine)
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
    const { media, robot } = this.#parts
    return this.#turn(async () => {
      const inventory = await robot.inventory()
      const differences = compareInventory({
        robot: this.name,
        inventory,
        volumes: await this.#volumes(),
        barcodes,
      })
      for (const difference of differences) {
        if (difference.kind === 'new') await media.putVolume(difference.volume)
        else if (difference.kind === 'moved')
          await this.#record(difference.volumeId, this.name, difference.to)
        else if (difference.kind === 'gone') await this.#record(difference.volumeId, undefined, undefined)
      }
      return differences
    })
  }

  /** Has the media manager say what is in the drives. */
  takeStock(): Promise<void> {
    const { media, bays } = this.#parts
    return this.#turn(async () => {
      const inventory = await this.#parts.robot.inventory()
      const volumes = await this.#volumes()
      const loaded = new Map<string, string | undefined>()
      for (const bay of bays.values()) {
        if (bay.robot !== this.name) continue
        const { barcode } = this.#elementOf(inventory, bay)
        loaded.set(
          bay.name,
          volumes.find((each) => barcode !== undefined && each.barcode === barcode)?.volumeId,
        )
      }
      // What left a drive is told first: a volume is in one drive at a time.
      for await (const { name, loadedVolume } of media.drives({}))
        if (loaded.has(name) && loadedVolume !== undefined && loadedVolume !== loaded.get(name))
          await media.recordUnmount({ drive: name })
      for (const [drive, volumeId] of loaded) {
        if (volumeId === undefined || !(await this.#noteMounted(volumeId, drive))) continue
        const bay = bays.get(drive)
        if (bay !== undefined) bay.loaded = { volumeId }
      }
    })
  }

  /** Takes stock at the start. A robot that can't be asked is down until it can: the others are to be used. */
  async begin(): Promise<void> {
    const { state, stateReason } = (await this.#registered()) ?? {}
    this.#isDown = state === 'down' && isOwnReason(stateReason)
    try {
      await this.takeStock()
    } catch (error) {
      if (!(error instanceof NbError) || !hardwareCodes.has(error.code)) throw error
      this.#parts.logger.error('robot %s can not be asked what it has: %o', this.name, error)
      if (!this.#isDown) await this.#setState('down', error.message)
    }
  }

  /** Where it failed, it is looked at again. */
  async recover(): Promise<void> {
    if (!this.#isDown) return
    await this.takeStock().catch((error: unknown) =>
      this.#parts.logger.error('robot %s is still down: %o', this.name, error),
    )
  }

  async #put(volume: Volume, bay: DriveBay, tell: (text: string) => Promise<void>): Promise<void> {
    const { robot, media } = this.#parts
    let inventory = await robot.inventory()
    const target = await this.#find(inventory, volume)
    const mine = this.#elementOf(inventory, bay)
    if (target === mine) return await this.#correctDrives(volume.volumeId, bay.name)
    if (isOccupied(mine)) {
      await this.#parts.unload(bay)
      await this.#home(inventory, mine)
      await media.recordUnmount({ drive: bay.name })
      inventory = await robot.inventory()
    }
    if (target.place.kind === 'drive') {
      await this.#takeFrom(inventory, target, volume.volumeId)
      inventory = await robot.inventory()
    }
    await this.#correctDrives(volume.volumeId, bay.name)
    const from = (await this.#find(inventory, volume)).place
    await robot.move({ from, to: mine.place })
    if (from.kind === 'slot') await this.#record(volume.volumeId, this.name, from.number, volume)
    await tell(
      `robot ${this.name} has put volume ${volume.volumeId} from ${describePlace(from)} into drive ${bay.name}`,
    )
  }

  /** Whether the media manager takes that a volume is in a drive: what it can't hold together does not stop the others. */
  async #noteMounted(volumeId: string, drive: string): Promise<boolean> {
    try {
      await this.#parts.media.recordMount({ volumeId, drive })
      return true
    } catch (error) {
      if (!(error instanceof NbError) || error.code !== 'state-conflict') throw error
      this.#parts.logger.error('robot %s has volume %s in drive %s: %o', this.name, volumeId, drive, error)
      return false
    }
  }

  /** A volume is in that drive, or is about to be: where the media manager says otherwise of either, it has not heard something. */
  async #correctDrives(volumeId: string, drive: string): Promise<void> {
    const { media } = this.#parts
    const stale: string[] = []
    for await (const { name, loadedVolume } of media.drives({}))
      if (loadedVolume !== undefined && (name === drive) !== (loadedVolume === volumeId)) stale.push(name)
    for (const name of stale) await media.recordUnmount({ drive: name })
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
    await this.#record(volumeId, undefined, undefined, volume)
    throw new NbError(
      'media-open-failed',
      `Volume ${volumeId} is not in robot ${this.name}: put it in and update the inventory.`,
      { retryable: false, details: { volumeId, robot: this.name } },
    )
  }

  /** Takes the volume out of another drive, where nobody uses that. */
  async #takeFrom(
    inventory: readonly LibraryElement[],
    element: LibraryElement,
    volumeId: string,
  ): Promise<void> {
    const { bays, media } = this.#parts
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
      await this.#parts.unload(other)
      await this.#home(inventory, element)
      await media.recordUnmount({ drive: other.name })
    } finally {
      giveBack()
    }
  }

  /** Moves what is in a drive home. */
  async #home(inventory: readonly LibraryElement[], element: LibraryElement): Promise<void> {
    const volumes = await this.#volumes()
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
    if (volume !== undefined) await this.#record(volume.volumeId, this.name, home.number, volume)
  }

  /** Notes where a volume is kept, unless that is known. */
  async #record(
    volumeId: string,
    robot: string | undefined,
    slot: LibraryPlace['number'] | undefined,
    known?: Volume,
  ): Promise<void> {
    if (known !== undefined && known.robot === robot && known.slot === slot) return
    await this.#parts.media.recordPlace({
      volumeId,
      ...(robot === undefined ? {} : { robot }),
      ...(slot === undefined ? {} : { slot }),
    })
  }

  #elementOf(inventory: readonly LibraryElement[], { name }: DriveBay): LibraryElement {
    const element = elementOfDrive(inventory, name)
    if (element !== undefined) return element
    throw new NbError('not-found', `Robot ${this.name} does not serve a drive ${name}.`, {
      details: { robot: this.name, drive: name },
    })
  }

  async #volumes(): Promise<Volume[]> {
    const volumes: Volume[] = []
    for await (const volume of this.#parts.media.volumes({})) volumes.push(volume)
    return volumes
  }

  /** Runs alone; what the robot fails at takes it down, what it does brings it up again. */
  #turn<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns.run(async () => {
      try {
        const result = await work()
        if (this.#isDown) await this.#setState('up')
        return result
      } catch (error) {
        if (error instanceof NbError && error.code === 'robot-failed' && !this.#isDown)
          await this.#setState('down', error.message)
        throw error
      }
    })
  }

  /** A robot that a person has taken down is left as it is. */
  async #setState(state: 'up' | 'down', reason = ''): Promise<void> {
    this.#isDown = state === 'down'
    const known = await this.#registered()
    if (known?.state === 'down' && !isOwnReason(known.stateReason)) return
    const why = state === 'down' ? { stateReason: ownReason(reason) } : {}
    await this.#parts.media.putRobot({ name: this.name, state, ...why })
  }

  async #registered(): Promise<Robot | undefined> {
    for await (const robot of this.#parts.media.robots({ name: this.name })) return robot
    return undefined
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

function mayHaveChanged(error: unknown): boolean {
  const codes = ['state-conflict', 'element-empty', 'element-full', 'robot-failed']
  return error instanceof NbError && codes.includes(error.code)
}
