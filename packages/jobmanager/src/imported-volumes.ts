import type { ImageCopy, Json } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { noteCopy, volumesOf } from './images-on-volumes.ts'
import { retrying } from './patience.ts'

/** The retention level of an image whose record on the medium tells none. */
const unknownLevel = 0

/**
 * What an import tells the media manager of volumes: which images are on them. A volume on which it knew none is `imported` from then on: what
 * else is on it nobody here knows, so it is not written to.
 */
export class ImportedVolumes {
  readonly #parts: Pick<ManagerParts, 'media' | 'clock'>
  /** Volumes on which no image was known. */
  readonly #strange = new Set<string>()

  constructor(parts: Pick<ManagerParts, 'media' | 'clock'>) {
    this.#parts = parts
  }

  /** Looks which of them have no images yet, as far as is known. */
  async look(volumes: readonly string[]): Promise<void> {
    const { media } = this.#parts
    if (media === undefined) return
    for (const volumeId of volumes)
      for await (const { assignedAt, state } of media.volumes({ volumeId }))
        if (assignedAt === undefined && state === 'active') this.#strange.add(volumeId)
  }

  /** Notes durably that the volumes of a copy have the image, before the catalog says that it is there. */
  async note(backupId: string, copy: ImageCopy, image: Json): Promise<void> {
    const { media, clock } = this.#parts
    if (media === undefined) return
    await noteCopy(this.#parts, backupId, copy, levelOf(image))
    for (const volumeId of volumesOf(copy)) {
      if (!this.#strange.delete(volumeId)) continue
      const reason = 'it came with images that were not known here'
      await retrying(clock, 4, () => media.setVolumeState({ volumeId, state: 'imported', reason }))
    }
  }
}

function levelOf(image: Json): number {
  if (typeof image !== 'object' || image === null || Array.isArray(image)) return unknownLevel
  const { retentionLevel } = image as Readonly<Record<string, Json>>
  return typeof retentionLevel === 'number' ? retentionLevel : unknownLevel
}
