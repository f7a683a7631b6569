import {
  type CatalogEvents,
  type Emitter,
  type ImageRecord,
  type Logger,
  NbError,
  type SerialQueue,
} from '@nb/contracts'
import type { ImageRegistry } from './image-registry.ts'

/** What {@link ListDamage} works with. */
export interface ListDamageParts {
  readonly registry: ImageRegistry
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
  readonly events: Emitter<CatalogEvents>
  readonly logger: Logger
}

/** Remembers which complete images have a damaged file list, so that nothing new is built upon them. */
export class ListDamage {
  readonly #parts: ListDamageParts

  constructor(parts: ListDamageParts) {
    this.#parts = parts
  }

  /** Reads of an image's list; damage that shows is remembered before it is told, with the image's name. */
  async watch<Value>(backupId: string, read: () => Promise<Value>): Promise<Value> {
    try {
      return await read()
    } catch (error) {
      throw await this.noted(backupId, error)
    }
  }

  /** The error as it is to be told: damage of the list is remembered and names its image, all else is as it was. */
  async noted(backupId: string, error: unknown): Promise<unknown> {
    if (!(error instanceof NbError) || error.code !== 'file-list-corrupt') return error
    const { message, details, code } = error
    let isNews = false
    await this.#change(backupId, (image) => {
      isNews = image.damaged === undefined
      return isNews ? { ...image, damaged: message } : undefined
    })
    if (isNews) {
      this.#parts.logger.error('image %s is damaged: %s', backupId, message)
      this.#parts.events.emit('image:damaged', { backupId, code, message })
    }
    return new NbError(code, `image ${backupId} is damaged: ${message}`, {
      details: { ...details, backupId },
      cause: error,
    })
  }

  /** A list that was read whole and is sound: damage that was found earlier has been mended. */
  async sound({ backupId, damaged }: ImageRecord): Promise<void> {
    if (damaged === undefined) return
    await this.#change(backupId, ({ damaged: _, ...image }) => image)
  }

  /** Commits another record of a complete image. What can't be written is found again with the next read. */
  async #change(backupId: string, change: (image: ImageRecord) => ImageRecord | undefined): Promise<void> {
    const { changes, registry, logger } = this.#parts
    try {
      await changes.run(async () => {
        const image = await registry.require(backupId)
        const changed = image.state === 'complete' ? change(image) : undefined
        if (changed !== undefined) await registry.commit(changed)
      })
    } catch (error) {
      logger.error('the record of image %s could not be changed: %o', backupId, error)
    }
  }
}
