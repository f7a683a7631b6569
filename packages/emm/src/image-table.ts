/** An image on a volume. */
export interface ImageOnVolume {
  readonly retentionLevel: number
  readonly multiplexed?: boolean
}

/** Stands for images that are on a volume by what a person said of it, but are not known one by one. */
export const unlisted = ''

/** The key of an image on a volume. Volume ids have no slash. */
export const imageKey = (volumeId: string, backupId: string): string => `${volumeId}/${backupId}`

/** What a key stands for. */
export function imageOf(key: string): { readonly volumeId: string; readonly backupId: string } {
  const slash = key.indexOf('/')
  return { volumeId: key.slice(0, slash), backupId: key.slice(slash + 1) }
}

const noImages: ReadonlyMap<string, ImageOnVolume> = new Map()

/** Which images are on which volumes, by keys of {@link imageKey}. Millions of them: each is kept once for each side. */
export class ImageTable {
  readonly #volumes: Map<string, Map<string, ImageOnVolume>> = new Map()
  /** The volume of an image, or its volumes: most images are on one. */
  readonly #images: Map<string, string | Set<string>> = new Map()

  /** The images on a volume by id, {@link unlisted} among them. */
  onVolume(volumeId: string): ReadonlyMap<string, ImageOnVolume> {
    return this.#volumes.get(volumeId) ?? noImages
  }

  /** The volumes an image is on. */
  volumesOf(backupId: string): readonly string[] {
    const known = this.#images.get(backupId)
    return known === undefined ? [] : typeof known === 'string' ? [known] : [...known]
  }

  get(key: string): ImageOnVolume | undefined {
    const { volumeId, backupId } = imageOf(key)
    return this.onVolume(volumeId).get(backupId)
  }

  set(key: string, image: ImageOnVolume): void {
    const { volumeId, backupId } = imageOf(key)
    const images = this.#volumes.get(volumeId)
    if (images === undefined) this.#volumes.set(volumeId, new Map([[backupId, image]]))
    else images.set(backupId, image)
    const volumes = this.#images.get(backupId)
    if (volumes === undefined || volumes === volumeId) this.#images.set(backupId, volumeId)
    else if (typeof volumes === 'string') this.#images.set(backupId, new Set([volumes, volumeId]))
    else volumes.add(volumeId)
  }

  delete(key: string): void {
    const { volumeId, backupId } = imageOf(key)
    const images = this.#volumes.get(volumeId)
    if (images?.delete(backupId) === true && images.size === 0) this.#volumes.delete(volumeId)
    const volumes = this.#images.get(backupId)
    if (typeof volumes === 'object') volumes.delete(volumeId)
    if (volumes === volumeId || (typeof volumes === 'object' && volumes.size === 0))
      this.#images.delete(backupId)
  }
}
