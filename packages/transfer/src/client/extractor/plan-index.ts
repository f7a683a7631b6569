import type { DigestAlgorithm } from '@nb/contracts'
import type { FileListEntry } from '@nb/formats'
import { digestBytes } from '../../content-digest.ts'

/** One thing to restore: where its member stands and where it goes. */
export interface PlannedTarget {
  /** Position in the plan. */
  readonly entry: number
  /** Target path below the root, `/` in front; see `targetNames`. */
  readonly path: Buffer
  /** Names of one file share it; `undefined` for a file with one name. */
  readonly linkKey: string | undefined
  readonly isDirectory: boolean
}

/** What the plan says of an entry. */
export type PlannedEntry = Pick<
  FileListEntry,
  'kind' | 'imageIndex' | 'memberOffset' | 'linkCount' | 'identityKey' | 'digest'
>

const NO_LINK = 0

/**
 * The plan of a restore, kept small: some 40 bytes and the path for each entry. Filled in any order; looked up by
 * position from then on, by where the member stands after {@link close}.
 */
export class PlanIndex {
  #count = 0
  #images = new Uint32Array(1024)
  #offsets = new Float64Array(1024)
  #pathEnds = new Float64Array(1024)
  #links = new Uint32Array(1024)
  #isDirectory = new Uint8Array(1024)
  #paths: Buffer = Buffer.allocUnsafe(64 * 1024)
  #order: Uint32Array = new Uint32Array(0)
  #done: Uint8Array = new Uint8Array(1024)
  /** One slot an entry, from the first that has one; zeros are none. */
  #digests: Buffer | undefined
  #digestAlgorithm: DigestAlgorithm | undefined
  #next = 0
  readonly #linkKeys: string[] = ['']
  readonly #linkNumbers = new Map<string, number>()

  get count(): number {
    return this.#count
  }

  /** What the digests of the entries to come are made with; without it they are left out. */
  set digestAlgorithm(algorithm: DigestAlgorithm | undefined) {
    this.#digestAlgorithm = algorithm
  }

  get digestAlgorithm(): DigestAlgorithm | undefined {
    return this.#digestAlgorithm
  }

  /**
   * Adds an entry.
   *
   * @param path - begins with the target path, which is copied
   */
  add(entry: PlannedEntry, path: Buffer, pathBytes: number = path.length): void {
    const number = this.#count++
    if (number === this.#images.length) this.#grow()
    const { imageIndex, memberOffset } = entry
    this.#keepDigest(number, entry)
    this.#images[number] = imageIndex
    this.#offsets[number] = memberOffset
    this.#links[number] = this.#linkOf(entry)
    this.#isDirectory[number] = entry.kind === 'directory' ? 1 : 0
    const start = this.#pathStart(number)
    const end = start + pathBytes
    if (end > this.#paths.length) {
      const bigger = Buffer.allocUnsafe(Math.max(end, this.#paths.length * 2))
      this.#paths.copy(bigger, 0, 0, start)
      this.#paths = bigger
    }
    path.copy(this.#paths, start, 0, pathBytes)
    this.#pathEnds[number] = end
  }

  /** Sorts by place in the streams. */
  close(): void {
    // Nearly all come as they stand; those that do not, such as further names, are sorted by themselves.
    const late: number[] = []
    let inOrder = 0
    const order = (this.#order = new Uint32Array(this.#count))
    for (let entry = 0; entry < this.#count; entry++) {
      if (inOrder > 0 && this.#precedes(entry, order[inOrder - 1] as number)) late.push(entry)
      else order[inOrder++] = entry
    }
    late.sort((a, b) => (this.#precedes(a, b) ? -1 : 1))
    for (let place = this.#count - 1; late.length > 0; place--) {
      const last = late.at(-1) as number
      if (inOrder > 0 && this.#precedes(last, order[inOrder - 1] as number))
        order[place] = order[--inOrder] as number
      else order[place] = late.pop() as number
    }
  }

  /** What goes where the member at `offset` of an image's stream is wanted; empty when it is not. */
  targetsOf(imageIndex: number, offset: number): PlannedTarget[] {
    const found: PlannedTarget[] = []
    let place = this.#placeOf(imageIndex, offset)
    for (; place < this.#count; place++) {
      const entry = this.#order[place] as number
      if (this.#compare(entry, imageIndex, offset) !== 0) break
      found.push(this.target(entry))
    }
    this.#next = place
    return found
  }

  /**
   * The one entry of a member that is no directory and has no further names, where the member follows the one that was asked for last;
   * −1 otherwise, when {@link targetsOf} tells.
   */
  following(imageIndex: number, offset: number): number {
    const next = this.#next
    if (next >= this.#count) return -1
    const entry = this.#order[next] as number
    if (this.#offsets[entry] !== offset || this.#images[entry] !== imageIndex) return -1
    if (this.#links[entry] !== NO_LINK || this.#isDirectory[entry] === 1) return -1
    const isOne = (place: number): boolean =>
      place < 0 ||
      place >= this.#count ||
      this.#compare(this.#order[place] as number, imageIndex, offset) !== 0
    return isOne(next - 1) && isOne(next + 1) ? entry : -1
  }

  /** Says that what {@link following} gave is dealt with. */
  passFollowing(): void {
    this.markDone(this.#order[this.#next] as number)
    this.#next += 1
  }

  /** The paths of all entries. */
  get paths(): Buffer {
    return this.#paths
  }

  /** Where an entry's path begins in {@link paths}. */
  pathStart(entry: number): number {
    return this.#pathStart(entry)
  }

  /** Where it ends. */
  pathEnd(entry: number): number {
    return this.#pathEnds[entry] ?? 0
  }

  /** Whether the entry at a position of the plan is a directory. */
  isDirectory(entry: number): boolean {
    return this.#isDirectory[entry] === 1
  }

  /** The entry at a position of the plan. */
  target(entry: number): PlannedTarget {
    const link = this.#links[entry] ?? NO_LINK
    const path = this.#paths.subarray(this.#pathStart(entry), this.#pathEnds[entry])
    return {
      entry,
      path,
      linkKey: link === NO_LINK ? undefined : this.#linkKeys[link],
      isDirectory: this.isDirectory(entry),
    }
  }

  /** The digest that an entry's content had at the backup, where it is known. */
  digestOf(entry: number): Buffer | undefined {
    const slot = this.#digestSlot(entry)
    return slot === undefined || slot.every((byte) => byte === 0) ? undefined : slot
  }

  /** Notes that an entry has been dealt with, well or not. */
  markDone(entry: number): void {
    this.#done[entry] = 1
  }

  /** Entries that nothing came for. */
  *undone(): Generator<PlannedTarget, void, undefined> {
    for (let entry = 0; entry < this.#count; entry++) if (this.#done[entry] === 0) yield this.target(entry)
  }

  #keepDigest(entry: number, { digest }: PlannedEntry): void {
    const algorithm = this.#digestAlgorithm
    if (digest === undefined || algorithm === undefined || digest.length !== digestBytes[algorithm]) return
    this.#digests ??= Buffer.alloc(this.#images.length * digest.length)
    this.#digestSlot(entry)?.set(digest)
  }

  #digestSlot(entry: number): Buffer | undefined {
    if (this.#digests === undefined || this.#digestAlgorithm === undefined) return undefined
    const length = digestBytes[this.#digestAlgorithm]
    return this.#digests.subarray(entry * length, (entry + 1) * length)
  }

  /** The first in order that does not stand before a place: mostly the one that follows the last that was asked for. */
  #placeOf(imageIndex: number, offset: number): number {
    const next = this.#next
    if (next < this.#count && this.#compare(this.#order[next] as number, imageIndex, offset) === 0) {
      if (next === 0 || this.#compare(this.#order[next - 1] as number, imageIndex, offset) < 0) return next
    }
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#order[middle] as number, imageIndex, offset) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #linkOf(entry: PlannedEntry): number {
    if (entry.linkCount < 2 || entry.kind === 'directory') return NO_LINK
    const key = entry.identityKey
    let number = this.#linkNumbers.get(key)
    if (number === undefined) {
      number = this.#linkKeys.push(key) - 1
      this.#linkNumbers.set(key, number)
    }
    return number
  }

  /** Entries of one member keep the plan's order: the first name is written, the others are linked to it. */
  #precedes(a: number, b: number): boolean {
    const order = this.#compare(a, this.#image(b), this.#offset(b))
    return order < 0 || (order === 0 && a < b)
  }

  #compare(entry: number, imageIndex: number, offset: number): number {
    return this.#image(entry) - imageIndex || this.#offset(entry) - offset
  }

  #image(entry: number): number {
    return this.#images[entry] ?? 0
  }

  #offset(entry: number): number {
    return this.#offsets[entry] ?? 0
  }

  #pathStart(entry: number): number {
    return entry === 0 ? 0 : (this.#pathEnds[entry - 1] ?? 0)
  }

  #grow(): void {
    const length = this.#images.length * 2
    this.#images = grown(this.#images, new Uint32Array(length))
    this.#links = grown(this.#links, new Uint32Array(length))
    this.#isDirectory = grown(this.#isDirectory, new Uint8Array(length))
    this.#done = grown(this.#done, new Uint8Array(length))
    this.#offsets = grown(this.#offsets, new Float64Array(length))
    this.#pathEnds = grown(this.#pathEnds, new Float64Array(length))
    if (this.#digests !== undefined)
      this.#digests = grown(this.#digests, Buffer.alloc(this.#digests.length * 2))
  }
}

function grown<T extends Uint32Array | Float64Array | Uint8Array>(old: T, bigger: T): T {
  bigger.set(old)
  return bigger
}
