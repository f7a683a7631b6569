import { type MediaManager, NbError, type StoredImage } from '@nb/contracts'
import type { Hardware } from './hardware.ts'
import type { SimulatedSite } from './site.ts'

/** A part of an image on one medium. */
export interface StoredPart {
  /** Absent on disk. */
  readonly volumeId?: string
  readonly bytes: number
}

interface Entry {
  /** As it is listed. */
  readonly stored: StoredImage
  readonly parts: readonly StoredPart[]
  readonly files: number
}

/** What lies where: the images on every storage unit, by the parts of them. */
export class Shelf {
  readonly #media: MediaManager
  readonly #hardware: Hardware
  readonly #units = new Map<string, Map<string, Entry>>()
  readonly #tapeUnits: ReadonlySet<string>

  constructor(media: MediaManager, hardware: Hardware, site: SimulatedSite) {
    this.#media = media
    this.#hardware = hardware
    this.#tapeUnits = new Set(site.tapeUnits?.map(({ name }) => name))
    for (const { name } of [...(site.diskUnits ?? []), ...(site.tapeUnits ?? [])])
      this.#units.set(name, new Map())
  }

  /** An image has come, whole. */
  put(unit: string, backupId: string, parts: readonly StoredPart[], files: number): void {
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    const stored = { backupId, copy: 1, fragments: parts.length, bytes }
    this.#unit(unit).set(backupId, { stored, parts, files })
  }

  /** The images on a storage unit. */
  *images(unit: string): Generator<StoredImage> {
    for (const { stored } of this.#unit(unit).values()) yield stored
  }

  /** The parts of an image, or none. */
  partsOf(unit: string, backupId: string): readonly StoredPart[] {
    return this.#unit(unit).get(backupId)?.parts ?? []
  }

  /** Files in an image, wherever it lies. */
  filesOf(backupId: string): number {
    for (const images of this.#units.values()) {
      const entry = images.get(backupId)
      if (entry !== undefined) return entry.files
    }
    return 0
  }

  /** An image has expired or was given up; volumes that have none left go back to their pool. Idempotent. */
  async remove(unit: string, backupId: string, copy?: number): Promise<void> {
    const images = this.#unit(unit)
    const entry = images.get(backupId)
    if (entry === undefined || (copy !== undefined && copy !== entry.stored.copy)) return
    images.delete(backupId)
    if (!this.#tapeUnits.has(unit)) {
      this.#hardware.clearDisk(unit, entry.stored.bytes)
      return
    }
    for (const { volumeId } of entry.parts)
      if (volumeId !== undefined) this.#hardware.clearTape(volumeId, backupId, 'expired')
    await this.#media.unassignImage({ backupId })
  }

  #unit(name: string): Map<string, Entry> {
    const images = this.#units.get(name)
    if (images === undefined)
      throw new NbError('storage-unit-unknown', `the simulated site has no storage unit ${name}`)
    return images
  }
}
