import { BatchCursor, comparePaths, FileListDecoder, FormatError, type WholeBatch } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import type { WalkEntry } from './walk.ts'

const SLASH = 0x2f

/** What the reference says of an entry; valid until the next is looked for. */
export type KnownEntry = ReturnType<BatchCursor['attributes']>

/**
 * The file list that an incremental backup compares with, read in step with the walk: both are sorted, so each
 * entry is looked at once, on its bytes, and only a few batches are in memory.
 */
export class ReferenceCursor {
  readonly #next: () => Uint8Array | undefined
  readonly #decoder = new FileListDecoder()
  readonly #cursor = new BatchCursor()
  #batches: WholeBatch[] = []
  #batch: WholeBatch | undefined
  /** Whether the cursor stands at an entry. */
  #stands = false
  #ended = false
  #images: readonly string[] | undefined
  #imageCount = 0
  #digestAlgorithm: string | undefined

  /** @param next - the next bytes of the list, `undefined` at its end; may block the thread */
  constructor(next: () => Uint8Array | undefined) {
    this.#next = next
  }

  /** Ids of the images that hold the reference's data, itself first. Reads the head of the list. */
  images(): readonly string[] {
    while (this.#images === undefined && !this.#ended) this.#fill()
    return this.#images ?? []
  }

  /** What its digests are made with, `undefined` where it has none. Reads the head of the list. */
  digestAlgorithm(): string | undefined {
    this.images()
    return this.#digestAlgorithm
  }

  /** What the reference says of `path`. Paths must be asked for in the list's order. */
  find(path: Buffer): KnownEntry | undefined {
    while (this.#stands || this.#advance()) {
      const order = this.#compare(path)
      if (order > 0) return undefined
      if (order === 0) return this.#known()
      this.#stands = false
    }
    return undefined
  }

  /** The batch of the entry that was found last. */
  get batch(): WholeBatch | undefined {
    return this.#batch
  }

  /** Number of that entry in its batch. */
  get index(): number {
    return this.#cursor.index
  }

  /** Reads what is left, so that a broken rest is noticed and the sender can end. */
  drain(): void {
    while (!this.#ended) this.#fill()
    this.#batches = []
  }

  #known(): KnownEntry {
    const known = this.#cursor.attributes()
    if (known.imageIndex < this.#imageCount) return known
    const text = `An entry in image ${known.imageIndex} of ${this.#imageCount}`
    throw new FormatError('FILE_LIST_INVALID', 0, text)
  }

  /** Below 0 where the present entry comes before `path`, 0 at it. */
  #compare(path: Buffer): number {
    const { pathBuffer, pathBytes } = this.#cursor
    const limit = Math.min(pathBytes, path.length)
    let shared = 0
    while (shared < limit && pathBuffer[shared] === path[shared]) shared++
    if (shared === limit) return pathBytes - path.length
    return rank(pathBuffer[shared]) - rank(path[shared])
  }

  /** Goes on to the next entry; says whether there is one. */
  #advance(): boolean {
    const cursor = this.#cursor
    while (!cursor.next()) {
      const batch = this.#nextBatch()
      if (batch === undefined) return false
      const { bytes, open } = batch
      if (cursor.entryCount > 0) {
        cursor.entry()
        cursor.finish()
        if (comparePaths(cursor.path, open.firstPath) >= 0) {
          const text = 'A batch begins before the one that precedes it ends'
          throw new FormatError('FILE_LIST_ORDER', open.offset, text)
        }
      }
      this.#batch = batch
      cursor.openChecked(bytes, open)
    }
    return (this.#stands = true)
  }

  #nextBatch(): WholeBatch | undefined {
    while (this.#batches.length === 0 && !this.#ended) this.#fill()
    return this.#batches.shift()
  }

  #fill(): void {
    const bytes = this.#next()
    if (bytes === undefined) {
      this.#ended = true
      this.#decoder.finish()
      return
    }
    this.#decoder.push(bytes, {
      onHeader: (header) => {
        this.#images = header.images
        this.#imageCount = header.images.length
        this.#digestAlgorithm = header.digestAlgorithm
      },
      onWholeBatch: (batch) => {
        this.#batches.push(batch)
      },
    })
  }
}

/** Where a byte of a path stands in the order of paths. */
function rank(byte: number | undefined): number {
  return byte === SLASH ? 0 : (byte ?? 0)
}
/**
 * Whether an entry is as the reference has it, so that the data stored then is the data now. The change time
 * decides: no program can set it. A record that was read unsoundly, or has no stored member, never counts.
 */
export function isUnchanged(known: KnownEntry, entry: WalkEntry, linkTarget: Buffer | undefined): boolean {
  const { stat, kind } = entry
  return (
    known.hasIdentity(stat.devMajor, stat.devMinor, stat.inoHigh, stat.inoLow) &&
    known.hasTimes(stat.mtimeSeconds, stat.mtimeNanos, stat.ctimeSeconds, stat.ctimeNanos) &&
    known.flags === 0 &&
    known.memberBytes > 0 &&
    known.mode === (stat.mode & 0o7777) &&
    known.uid === stat.uid &&
    known.gid === stat.gid &&
    (kind !== 'file' || known.sizeBytes === stat.size) &&
    isSameKind(known, entry, linkTarget)
  )
}

/**
 * Whether what a list says of an unchanged entry is all as the reference has it, but for its image.
 *
 * @param firstPath - the first name in this list of a file of which this is a further one
 */
export function isListedAlike(
  known: KnownEntry,
  { stat, kind }: WalkEntry,
  firstPath: Buffer | undefined,
): boolean {
  const isAlike =
    firstPath === undefined
      ? known.kind === kind
      : kind === 'file' && known.kind === 'hardlink' && known.linkTarget?.equals(firstPath) === true
  return (
    isAlike &&
    known.allocatedBytes === stat.blocks * 512 &&
    known.linkCount === stat.nlink &&
    known.sizeBytes === (kind === 'file' || kind === 'symlink' ? stat.size : 0)
  )
}

function isSameKind(known: KnownEntry, { kind, stat }: WalkEntry, linkTarget: Buffer | undefined): boolean {
  const knownKind = known.kind
  // An entry of a further name does not tell what the file is; its inode and change time do.
  if (knownKind === 'hardlink') return kind !== 'directory'
  if (knownKind !== kind) return false
  if (kind === 'symlink') return linkTarget !== undefined && known.linkTarget?.equals(linkTarget) === true
  if (kind === 'character-device' || kind === 'block-device')
    return known.hasDevice(stat.rdevMajor, stat.rdevMinor)
  return true
}

/** The device a file is on as one number, major part above the minor. */
export function deviceOf(stat: Pick<FileStat, 'devMajor' | 'devMinor'>): bigint {
  return (BigInt(stat.devMajor) << 32n) | BigInt(stat.devMinor)
}
