import { isDeepStrictEqual } from 'node:util'
import { type Catalog, type ImageRecord, NbError, type SerialQueue } from '@nb/contracts'
import { checkCopy } from './check-record.ts'
import { copyFault } from './completion.ts'
import { checkShape, stateConflict } from './image-errors.ts'
import type { ImageRegistry } from './image-registry.ts'

/** What the copies of images work with. */
export interface ImageCopiesParts {
  readonly registry: ImageRegistry
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
}

/** The copies of complete images: a complete image has one at least, of which the first is the primary one. */
export class ImageCopies implements Pick<Catalog, 'addCopy' | 'promoteCopy' | 'removeCopy'> {
  readonly #parts: ImageCopiesParts

  constructor(parts: ImageCopiesParts) {
    this.#parts = parts
  }

  async addCopy({ backupId, copy }: Parameters<Catalog['addCopy']>[0]): Promise<ImageRecord> {
    checkShape(() => checkCopy(copy, 'copy'))
    return this.#changeCopies(backupId, 'get a copy', (image) => {
      const present = image.copies.find((other) => other.copy === copy.copy)
      if (present !== undefined && isDeepStrictEqual(present, copy)) return undefined
      if (present !== undefined)
        throw new NbError('already-exists', `image ${backupId} has another copy ${copy.copy}`, {
          details: { backupId, copy: copy.copy },
        })
      const fault = copyFault(copy, image.counts?.streamBytes ?? 0)
      if (fault !== undefined)
        throw new NbError('image-inconsistent', `copy ${copy.copy} of image ${backupId}: ${fault}`, {
          details: { backupId },
        })
      return [...image.copies, copy]
    })
  }

  async promoteCopy({ backupId, copy }: Parameters<Catalog['promoteCopy']>[0]): Promise<ImageRecord> {
    return this.#changeCopies(backupId, 'change its copies', ({ copies }) => {
      const chosen = copies.find((each) => each.copy === copy)
      if (chosen === undefined)
        throw new NbError('not-found', `image ${backupId} has no copy ${copy}`, {
          details: { backupId, copy },
        })
      return copies[0] === chosen ? undefined : [chosen, ...copies.filter((each) => each !== chosen)]
    })
  }

  async removeCopy({ backupId, copy }: Parameters<Catalog['removeCopy']>[0]): Promise<ImageRecord> {
    return this.#changeCopies(backupId, 'lose a copy', (image) => {
      const left = image.copies.filter((each) => each.copy !== copy)
      if (left.length === image.copies.length) return undefined
      if (left.length === 0)
        throw new NbError(
          'state-conflict',
          `copy ${copy} is the last of image ${backupId}: expire the image`,
          {
            details: { backupId, copy },
          },
        )
      return left
    })
  }

  /** Commits other copies of a complete image; `undefined` leaves it as it is. */
  #changeCopies(
    backupId: string,
    what: string,
    change: (image: ImageRecord) => ImageRecord['copies'] | undefined,
  ): Promise<ImageRecord> {
    const { registry, changes } = this.#parts
    return changes.run(async () => {
      const image = await registry.require(backupId)
      if (image.state !== 'complete') throw stateConflict(image, what)
      const copies = change(image)
      const changed = copies === undefined ? image : { ...image, copies }
      await (copies === undefined ? registry.reindex(image) : registry.commit(changed))
      return changed
    })
  }
}
