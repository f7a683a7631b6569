import {
  type InventoryDifference,
  type LibraryElement,
  type Logger,
  type MediaManager,
  NbError,
  type Volume,
} from '@nb/contracts'
import type { BarcodeReading } from './barcode-rules.ts'
import { compareInventory } from './compare-inventory.ts'
import type { DriveBay } from './drive-bay.ts'
import { listOf } from './media-records.ts'
import { elementOfDrive } from './stock.ts'

/** What the records of a library are made with. */
export interface LibraryRecordsParts {
  readonly name: string
  readonly media: MediaManager
  readonly bays: ReadonlyMap<string, DriveBay>
  readonly logger: Logger
}

/** What the media manager is told of a library: where its volumes are kept, and which are in its drives. */
export class LibraryRecords {
  readonly #parts: LibraryRecordsParts

  constructor(parts: LibraryRecordsParts) {
    this.#parts = parts
  }

  /** All volumes that are known, of this robot or not. */
  volumes(): Promise<Volume[]> {
    return listOf(this.#parts.media.volumes({}))
  }

  /** A volume is kept in a slot of this robot, or where it came into its drive from no slot, in none. */
  keptIn(volume: Pick<Volume, 'volumeId'> & Partial<Volume>, slot: number | undefined): Promise<void> {
    return this.#record(volume, this.#parts.name, slot)
  }

  /** A volume is not here. */
  gone(volume: Pick<Volume, 'volumeId'> & Partial<Volume>): Promise<void> {
    return this.#record(volume, undefined, undefined)
  }

  /** Corrects what the robot shows to be otherwise; new volumes are added by the barcode rules. Gives what it did. */
  async update(
    inventory: readonly LibraryElement[],
    barcodes: BarcodeReading,
  ): Promise<readonly InventoryDifference[]> {
    const { media, name: robot } = this.#parts
    const differences = compareInventory({ robot, inventory, volumes: await this.volumes(), barcodes })
    for (const difference of differences) {
      if (difference.kind === 'new') await media.putVolume(difference.volume)
      else if (difference.kind === 'moved')
        await this.keptIn({ volumeId: difference.volumeId }, difference.to)
      else if (difference.kind === 'gone') await this.gone({ volumeId: difference.volumeId })
    }
    return differences
  }

  /** Has the media manager say what is in the drives, as the robot shows it. */
  async drivesHold(inventory: readonly LibraryElement[]): Promise<void> {
    const { media, bays, name } = this.#parts
    const volumes = await this.volumes()
    const loaded = new Map<string, string | undefined>()
    for (const bay of bays.values()) {
      if (bay.robot !== name) continue
      const barcode = elementOfDrive(inventory, bay.name)?.barcode
      const volume = volumes.find((each) => barcode !== undefined && each.barcode === barcode)
      loaded.set(bay.name, volume?.volumeId)
    }
    // What left a drive is told first: a volume is in one drive at a time.
    for (const { name: drive, loadedVolume } of await listOf(media.drives({})))
      if (loaded.has(drive) && loadedVolume !== undefined && loadedVolume !== loaded.get(drive))
        await media.recordUnmount({ drive })
    for (const [drive, volumeId] of loaded) {
      if (volumeId === undefined || !(await this.#noteMounted(volumeId, drive))) continue
      const bay = bays.get(drive)
      // Whoever uses it knows better.
      if (bay !== undefined && !bay.inUse) bay.loaded = { volumeId }
    }
  }

  /** A volume is in that drive, or is about to be: where the media manager says otherwise of either, it has not heard something. */
  async correctDrives(volumeId: string, drive: string): Promise<void> {
    const { media } = this.#parts
    for (const { name, loadedVolume } of await listOf(media.drives({})))
      if (loadedVolume !== undefined && (name === drive) !== (loadedVolume === volumeId))
        await media.recordUnmount({ drive: name })
  }

  /** Whether the media manager takes that a volume is in a drive: what it can't hold together does not stop the others. */
  async #noteMounted(volumeId: string, drive: string): Promise<boolean> {
    const { media, logger, name } = this.#parts
    try {
      await media.recordMount({ volumeId, drive })
      return true
    } catch (error) {
      if (!(error instanceof NbError) || error.code !== 'state-conflict') throw error
      logger.error('robot %s has volume %s in drive %s: %o', name, volumeId, drive, error)
      return false
    }
  }

  /** Notes where a volume is kept, unless that is known. */
  async #record(
    { volumeId, ...known }: Pick<Volume, 'volumeId'> & Partial<Volume>,
    robot: string | undefined,
    slot: number | undefined,
  ): Promise<void> {
    if ('state' in known && known.robot === robot && known.slot === slot) return
    await this.#parts.media.recordPlace({
      volumeId,
      ...(robot === undefined ? {} : { robot }),
      ...(slot === undefined ? {} : { slot }),
    })
  }
}
