import { type FragmentRecord, type ImageCopy, type Json, type MediumContent, NbError } from '@nb/contracts'

interface Found {
  readonly fragment: FragmentRecord
  readonly last: boolean
}

/** What volumes have told of themselves: the first phase of an import from tapes. */
export class FoundOnVolumes {
  readonly #volumes: string[] = []
  /** By image, then by copy. */
  readonly #images = new Map<string, Map<number, Found[]>>()

  /** A volume is looked at: what it tells follows. */
  begin(volumeId: string): void {
    this.#volumes.push(volumeId)
  }

  /** Adds a fragment that a volume has told of. */
  add({ backupId, copy, fragment, last }: Extract<MediumContent, { kind: 'fragment' }>): void {
    const copies = this.#images.get(backupId) ?? new Map<number, Found[]>()
    this.#images.set(backupId, copies)
    const found = copies.get(copy) ?? []
    copies.set(copy, found)
    found.push({ fragment, last })
  }

  /** The numbers of the copies of which there is anything, by image. */
  copies(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.#images].map(([backupId, copies]) => [backupId, [...copies.keys()]]))
  }

  /**
   * What says that it is the last fragment of a copy, that which was found last first: of a copy that was begun again the later one counts.
   * Throws `image-incomplete` where none is there.
   */
  lastOf(backupId: string, copy: number): readonly FragmentRecord[] {
    const found = this.#found(backupId, copy)
    const ends = found.filter(({ last }) => last).map(({ fragment }) => fragment)
    if (ends.length > 0) return ends.reverse()
    const end = found.reduce<FragmentRecord | undefined>(
      (most, { fragment }) => (fragment.number > (most?.number ?? 0) ? fragment : most),
      undefined,
    )
    const where = end === undefined ? '' : `, goes on behind fragment ${end.number} on volume ${end.volumeId}`
    throw new NbError(
      'image-incomplete',
      `copy ${copy} of image ${backupId}${where}: its last fragment is on none of ${this.#volumes.join(', ')}; it was never finished, or another volume is missing`,
      { details: { backupId, copy, volumes: this.#volumes }, retryable: false },
    )
  }

  /**
   * The whole row of a copy's fragments, from its last one and the image's record that came with that, which names those before it. Throws
   * `fragment-missing`, naming the volume of one that was not found.
   */
  rowOf(backupId: string, copy: number, image: Json, last: FragmentRecord): readonly FragmentRecord[] {
    const found = this.#found(backupId, copy)
    const before = fragmentsIn(image, copy).filter(({ number }) => number < last.number)
    const row = before.map((named) => {
      const here = found.find(({ fragment }) => isSamePlace(fragment, named))
      if (here !== undefined) return here.fragment
      const { number, volumeId = '-' } = named
      const why = this.#volumes.includes(volumeId) ? 'can not be found on it' : 'is missing here'
      throw new NbError(
        'fragment-missing',
        `fragment ${number} of copy ${copy} of image ${backupId} is on volume ${volumeId}, which ${why}`,
        { details: { backupId, copy, fragment: number, volumeId } },
      )
    })
    if (row.length !== last.number - 1)
      throw new NbError(
        'fragment-missing',
        `the last fragment of copy ${copy} of image ${backupId} on volume ${last.volumeId} names ${row.length} before it, and is number ${last.number}`,
        { details: { backupId, copy, fragment: last.number } },
      )
    return [...row, last]
  }

  #found(backupId: string, copy: number): readonly Found[] {
    return this.#images.get(backupId)?.get(copy) ?? []
  }
}

/** A place on a tape is written once in a generation. */
function isSamePlace(one: FragmentRecord, other: FragmentRecord): boolean {
  return (
    one.number === other.number &&
    one.volumeId === other.volumeId &&
    one.filemark === other.filemark &&
    one.stream === other.stream
  )
}

/** The fragments that an image's record has of a copy: data of a medium, which may be anything. */
function fragmentsIn(image: Json, copy: number): readonly FragmentRecord[] {
  if (typeof image !== 'object' || image === null || !('copies' in image)) return []
  const copies: unknown = image['copies']
  if (!Array.isArray(copies)) return []
  const found = (copies as readonly Partial<ImageCopy>[]).find((each) => each.copy === copy)
  return found?.fragments ?? []
}
