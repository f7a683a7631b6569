import {
  type Catalog,
  type CatalogEvents,
  type Clock,
  type Emitter,
  type ImageCopy,
  type ImageRecord,
  type SerialQueue,
  throwIfAborted,
} from '@nb/contracts'
import { planExpiry } from './expiry.ts'
import { needed, stateConflict } from './image-errors.ts'
import type { ImageIndex } from './image-index.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { TreeLibrary } from './tree-library.ts'

/** What the expiry of images works with. */
export interface ImageExpiryParts {
  readonly registry: ImageRegistry
  readonly index: ImageIndex
  readonly trees: TreeLibrary
  readonly clock: Clock
  readonly events: Emitter<CatalogEvents>
  /** Where all changes of records queue up, so that an image is never completed upon one that is expiring. */
  readonly changes: SerialQueue
}

/** The end of complete images, and of their copies: when they are due, or when it is asked for. */
export class ImageExpiry implements Pick<Catalog, 'expireImage' | 'expireDue'> {
  readonly #parts: ImageExpiryParts

  constructor(parts: ImageExpiryParts) {
    this.#parts = parts
  }

  async expireImage({ backupId, force }: Parameters<Catalog['expireImage']>[0]): Promise<void> {
    const expired = await this.#parts.changes.run(async () => {
      const image = await this.#parts.registry.require(backupId)
      if (image.state === 'expired') {
        await this.#parts.registry.reindex(image)
        return false
      }
      if (image.state !== 'complete') throw stateConflict(image, 'expire')
      const dependants = await this.#dependants(image)
      if (dependants.length > 0 && force !== true) throw needed(backupId, dependants)
      await this.#expire(image)
      return true
    })
    if (expired) this.#parts.events.emit('image:expired', { backupId })
  }

  /** Who needs an image's data: images that say so, and those that might and can't be read. */
  async #dependants({ backupId }: ImageRecord): Promise<readonly string[]> {
    const { index, registry } = this.#parts
    return [...(await index.neededBy(backupId)), ...registry.damagedAfter(backupId)]
  }

  async #expire(image: ImageRecord): Promise<void> {
    await this.#parts.registry.commit({ ...image, state: 'expired' })
    this.#parts.trees.forget(image.backupId)
  }

  async expireDue(
    _input: Record<string, never>,
    options?: Parameters<Catalog['expireDue']>[1],
  ): ReturnType<Catalog['expireDue']> {
    const { index, registry, clock, events, changes } = this.#parts
    return changes.run(async () => {
      const now = clock.now()
      const due: ImageRecord[] = []
      const withDueCopies: ImageRecord[] = []
      const neededBy = new Map<string, readonly string[]>()
      for await (const image of index.due(now)) {
        if ((image.expiresAt ?? Infinity) > now) {
          withDueCopies.push(image)
          continue
        }
        due.push(image)
        neededBy.set(image.backupId, await this.#dependants(image))
      }
      const plan = planExpiry(due, neededBy)
      for (const backupId of plan.expire) {
        throwIfAborted(options)
        await this.#expire(await registry.require(backupId))
        events.emit('image:expired', { backupId })
      }
      const copies = await this.#dueCopies(withDueCopies, now)
      const images = { expired: plan.expire, held: plan.held }
      return copies.length === 0 ? images : { ...images, copies }
    })
  }

  /** The copies that are due of images that stay, each of which keeps one at least; they are put last. */
  async #dueCopies(
    images: readonly ImageRecord[],
    now: number,
  ): Promise<readonly { readonly backupId: string; readonly copy: ImageCopy }[]> {
    const found: { readonly backupId: string; readonly copy: ImageCopy }[] = []
    for (const { backupId } of images) {
      const image = await this.#parts.registry.require(backupId)
      const isDue = ({ expiresAt = Infinity }: ImageCopy): boolean => expiresAt <= now
      const kept = image.copies.filter((copy) => !isDue(copy))
      if (kept.length === 0) continue
      const gone = image.copies.filter(isDue)
      const copies = [...kept, ...gone]
      if (copies.some((copy, index) => copy !== image.copies[index]))
        await this.#parts.registry.commit({ ...image, copies })
      for (const copy of gone) found.push({ backupId, copy })
    }
    return found
  }
}
