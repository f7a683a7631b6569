import { asNbError, type Emitter, type CatalogEvents, type ImageRecord, type Logger } from '@nb/contracts'
import { parseBackupId } from './backup-id.ts'
import { type HeaderStore, unknownImage } from './header-store.ts'
import type { ImageIndex } from './image-index.ts'
import type { PutAside } from './put-aside.ts'
import { type DamagedImage, reconcile, unreadable } from './reconcile.ts'

/** What an {@link ImageRegistry} works with. */
export interface ImageRegistryParts {
  readonly headers: HeaderStore
  readonly index: ImageIndex
  readonly events: Emitter<CatalogEvents>
  readonly logger: Logger
}

/**
 * The records of all images: headers on disk, which are the truth, and the index that finds them. A change is
 * committed by its header first, then indexed; a crash between is mended by the next start.
 */
export class ImageRegistry {
  readonly #parts: ImageRegistryParts
  readonly #damaged = new Map<string, DamagedImage>()
  /** Those of them that are being made again. */
  readonly #again = new Set<string>()
  readonly #lastSeconds = new Map<string, number>()

  constructor(parts: ImageRegistryParts) {
    this.#parts = parts
  }

  /** Makes the index equal to the headers and tells of each image that can't be read. */
  async open(): Promise<void> {
    const { headers, events, logger } = this.#parts
    await headers.open()
    this.#lastSeconds.clear()
    this.#damaged.clear()
    this.#again.clear()
    const { damaged, ...counts } = await reconcile(this.#parts)
    logger('the catalog is open: %j, damaged %d', counts, damaged.length)
    for (const image of damaged) {
      this.#damaged.set(image.backupId, image)
      const { code, message } = image.error
      events.emit('image:damaged', { backupId: image.backupId, code, message })
    }
  }

  /** Throws the error of an image whose header can't be read. */
  refuseDamaged(backupId: string): void {
    const damaged = this.#damaged.get(backupId)
    if (damaged !== undefined) throw damaged.error
  }

  /** Whether its header could not be read at the start. */
  isDamaged(backupId: string): boolean {
    return this.#damaged.has(backupId)
  }

  /** Takes an image in whose header can be read again. */
  async takeIn(image: ImageRecord): Promise<void> {
    await this.reindex(image)
    this.#damaged.delete(image.backupId)
  }

  /** Damaged images that were begun after this one by the same client: what they need can't be known. */
  damagedAfter(backupId: string): string[] {
    const own = parseBackupId(backupId)
    return [...this.#damaged.keys(), ...this.#again].filter((id) => {
      const other = parseBackupId(id)
      return other !== undefined && other.client === own?.client && other.seconds > own.seconds
    })
  }

  /** Whether there was anything of the image when it was last looked at, readable or not. */
  async isKnown(backupId: string): Promise<boolean> {
    return this.isDamaged(backupId) || (await this.#parts.index.get(backupId)) !== undefined
  }

  /** Begins an image anew in whose place a damaged one is put aside. */
  async beginAgain(image: ImageRecord, aside: PutAside): Promise<void> {
    const { backupId } = image
    if (this.#damaged.has(backupId)) this.#again.add(backupId)
    await aside.begin(image)
    this.#damaged.delete(backupId)
    await this.reindex(image)
  }

  /** The image that was begun anew is complete. */
  againComplete(backupId: string): void {
    this.#again.delete(backupId)
  }

  /** Takes an image in as its header is now, which may be damaged. */
  async readAgain(backupId: string): Promise<void> {
    const { headers, index, logger } = this.#parts
    this.#again.delete(backupId)
    try {
      const image = await headers.read(backupId)
      if (image === undefined) await headers.removeUncommitted(backupId)
      if (image === undefined) await index.set(backupId, undefined)
      else await this.takeIn(image)
    } catch (reason) {
      const error = asNbError(reason)
      if (!unreadable(error)) throw error
      logger.error('image %s is damaged as it was: %s', backupId, error.message)
      await index.set(backupId, undefined)
      this.#damaged.set(backupId, { backupId, error })
    }
  }

  /** The record, or `undefined`. Throws for a damaged one. */
  async get(backupId: string): Promise<ImageRecord | undefined> {
    this.refuseDamaged(backupId)
    return this.#parts.index.get(backupId)
  }

  /** The record as its header has it, before a change. Throws `image-unknown`, or what is wrong with the header. */
  async require(backupId: string): Promise<ImageRecord> {
    this.refuseDamaged(backupId)
    const image = await this.#parts.headers.read(backupId)
    if (image === undefined) throw unknownImage(backupId)
    return image
  }

  /** The second that the client's last id was named after. */
  async lastSeconds(client: string): Promise<number | undefined> {
    const known = this.#lastSeconds.get(client) ?? (await this.#parts.headers.lastSeconds(client))
    if (known !== undefined) this.#lastSeconds.set(client, known)
    return known
  }

  /** Makes a new image exist. When that fails nothing of it stays, if the disk lets go of it. */
  async create(image: ImageRecord): Promise<void> {
    const { headers, logger } = this.#parts
    const { client, seconds } = parseBackupId(image.backupId) ?? { client: image.client, seconds: 0 }
    // One that is imported may be older than the last.
    this.#lastSeconds.set(client, Math.max(seconds, (await this.lastSeconds(client)) ?? 0))
    try {
      await headers.create(image)
      await this.reindex(image)
    } catch (error) {
      await headers.remove(image.backupId).catch((failure: unknown) => {
        logger.error('what was made of image %s stays until the next start: %o', image.backupId, failure)
      })
      throw error
    }
  }

  /** Commits a changed record. */
  async commit(image: ImageRecord): Promise<void> {
    await this.#parts.headers.replace(image)
    await this.reindex(image)
  }

  /** Brings the index to what the header says, after a change or one that was cut short. */
  async reindex(image: ImageRecord): Promise<void> {
    const { headers, index } = this.#parts
    const stamp = await headers.stamp(image.backupId)
    await index.set(image.backupId, stamp === undefined ? undefined : { image, stamp })
  }

  /** Takes an image away for good. */
  async remove(backupId: string): Promise<void> {
    await this.#parts.headers.remove(backupId)
    await this.#parts.index.set(backupId, undefined)
  }
}
