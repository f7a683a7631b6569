import type { DigestAlgorithm } from '@nb/contracts'
import type { FileRecord } from '@nb/formats'
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

const NO_LINK = 0

/**
 * The plan of a restore, kept small: some 40 bytes and the path for each entry. Filled in any order; looked up by
 * where the member stands, after {@link close}.
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
  #done: Uint8Array = new Uint8Array(0)
  /** One slot an entry, from the first that has one; zeros are none. */
  #digests: Buffer | undefined
  #digestAlgorithm: DigestAlgorithm | undefined
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

  add(record: FileRecord): void {
    const entry = this.#count++
    if (entry === this.#images.length) this.#grow()
    this.#keepDigest(entry, record)
    this.#images[entry] = record.imageIndex
    this.#offsets[entry] = record.memberOffset
    this.#links[entry] = this.#linkOf(record)
    this.#isDirectory[entry] = record.kind === 'directory' ? 1 : 0
    const start = this.#pathStart(entry)
    const end = start + record.path.length
    if (end > this.#paths.length) {
      const bigger = Buffer.allocUnsafe(Math.max(end, this.#paths.length * 2))
      this.#paths.copy(bigger, 0, 0, start)
      this.#paths = bigger
    }
    record.path.copy(this.#paths, start)
    this.#pathEnds[entry] = end
  }

  /** Sorts by place in the streams. */
  close(): void {
    this.#order = new Uint32Array(this.#count)
    for (let i = 0; i < this.#count; i++) this.#order[i] = i
    // Entries of one member keep the plan's order: the first name is written, the others are linked to it.
    this.#order.sort((a, b) => this.#compare(a, this.#image(b), this.#offset(b)) || a - b)
    this.#done = new Uint8Array(this.#count)
  }

  /** What goes where the member at `offset` of an image's stream is wanted; empty when it is not. */
  targetsOf(imageIndex: number, offset: number): PlannedTarget[] {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#order[middle] as number, imageIndex, offset) < 0) low = middle + 1
      else high = middle
    }
    const found: PlannedTarget[] = []
    for (; low < this.#count; low++) {
      const entry = this.#order[low] as number
      if (this.#compare(entry, imageIndex, offset) !== 0) break
      found.push(this.target(entry))
    }
    return found
  }

  /** The entry at a position of the plan. */
  target(entry: number): PlannedTarget {
    const link = this.#links[entry] ?? NO_LINK
    const path = this.#paths.subarray(this.#pathStart(entry), this.#pathEnds[entry])
    return {
      entry,
      path,
      linkKey: link === NO_LINK ? undefined : this.#linkKeys[link],
      isDirectory: this.#isDirectory[entry] === 1,
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

  #keepDigest(entry: number, { digest }: FileRecord): void {
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

  #linkOf(record: FileRecord): number {
    if (record.linkCount < 2 || record.kind === 'directory') return NO_LINK
    const key = `${record.identity.device}:${record.identity.inode}`
    let number = this.#linkNumbers.get(key)
    if (number === undefined) {
      number = this.#linkKeys.push(key) - 1
      this.#linkNumbers.set(key, number)
    }
    return number
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
