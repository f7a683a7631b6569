import type { MemberKind } from '../archive/member.ts'
import { CHECKSUM_BYTES } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import { AttributesCursor } from './attributes-cursor.ts'
import { MAX_BATCH_PATH_BYTES, type OpenBatch, openBatch } from './frame.ts'
import { MAX_PATH_BYTES, rank } from './path-order.ts'
import type { FileRecord } from './record.ts'

const SLASH = 0x2f
const INITIAL_PATH_BYTES = 1024

/** What a pass over a list asks of an entry; the values are those of the present entry. */
export interface FileListEntry {
  /** What it is. */
  readonly kind: MemberKind
  /** Logical bytes. */
  readonly sizeBytes: number
  /** The image with its member. */
  readonly imageIndex: number
  /** Where its member begins. */
  readonly memberOffset: number
  /** Bytes of its member; 0 for none. */
  readonly memberBytes: number
  /** Number of its names. */
  readonly linkCount: number
  /** What tells it from all other files: two names of one file have the same. */
  readonly identityKey: string
  /** Digest of its content where there is one, a view of the batch. */
  readonly digest: Buffer | undefined
  /** Bits of `FILE_FLAGS`. */
  readonly flags: number
}

/**
 * Steps through a batch entry by entry, in order. Paths are decoded as it goes, attributes only for the entries of which they are
 * asked; nothing is made for an entry that is passed over. It may be opened again and again, and keeps its memory.
 */
export class BatchCursor {
  #batch: Buffer = Buffer.alloc(0)
  #path: Buffer = Buffer.allocUnsafe(INITIAL_PATH_BYTES)
  #pathBytes = 0
  #sharedBytes = 0
  /** Of all paths so far. */
  #allPathBytes = 0
  #position = 0
  #pathsEnd = 0
  #offset = 0
  #entryCount = 0
  #index = -1
  /** Number of the entry that the attributes are of. */
  #attributesOf = -1
  readonly #attributes = new AttributesCursor()

  /**
   * Begins before the first entry of a batch.
   *
   * @param bytes - a buffer that holds the whole batch
   * @param at - where it begins there. Default 0.
   * @param offset - where that is in the list, for errors. Default 0.
   * @returns where the batch ends in the buffer
   * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
   */
  open(bytes: Buffer, at = 0, offset = 0): number {
    const open = openBatch(bytes, at, offset)
    this.openChecked(bytes, open)
    return at + open.byteLength
  }

  /** The same for a batch whose head and checksum were checked. */
  openChecked(batch: Buffer, open: OpenBatch): void {
    this.#batch = batch
    this.#position = open.pathsStart
    this.#pathsEnd = open.attributesStart
    // What to add to a place in the buffer to get the one in the list.
    this.#offset = open.offset + open.byteLength - CHECKSUM_BYTES - open.end
    this.#entryCount = open.entryCount
    this.#index = this.#attributesOf = -1
    this.#sharedBytes = 0
    const first = open.firstPath
    if (first.length > this.#path.length) this.#path = Buffer.allocUnsafe(first.length)
    this.#pathBytes = this.#allPathBytes = first.copy(this.#path)
    this.#attributes.open(batch, open.attributesStart, open.end, this.#offset)
  }

  /** Entries of the batch. */
  get entryCount(): number {
    return this.#entryCount
  }

  /** Number of the present entry in the batch; −1 before the first. */
  get index(): number {
    return this.#index
  }

  /** The present entry's path, and behind it bytes of no meaning; valid until the next step. */
  get pathBuffer(): Buffer {
    return this.#path
  }

  /** Length of the path. */
  get pathBytes(): number {
    return this.#pathBytes
  }

  /** How many bytes the path shares with the one before; 0 at the first of a batch. */
  get sharedBytes(): number {
    return this.#sharedBytes
  }

  /** A view of the path, valid until the next step. */
  get path(): Buffer {
    return this.#path.subarray(0, this.#pathBytes)
  }

  /**
   * Goes on to the next entry.
   *
   * @returns false behind the last one
   * @throws FormatError `FILE_LIST_INVALID`, `FILE_LIST_ORDER`
   */
  next(): boolean {
    if (this.#index + 1 >= this.#entryCount) return false
    this.#index += 1
    if (this.#index > 0) this.#readPath()
    return true
  }

  /**
   * The attributes of the present entry, without an object for it: it gives this cursor, whose values are valid until the next step.
   *
   * @throws FormatError `FILE_LIST_INVALID`
   */
  entry(): FileListEntry {
    while (this.#attributesOf < this.#index) {
      this.#attributes.next()
      this.#attributesOf += 1
    }
    return this.#attributes
  }

  /**
   * All attributes of the present entry, as {@link entry} has them.
   *
   * @throws FormatError `FILE_LIST_INVALID`
   */
  attributes(): AttributesCursor {
    this.entry()
    return this.#attributes
  }

  /**
   * The present entry as a record.
   *
   * @param path - its path to be kept; a copy by default
   * @throws FormatError `FILE_LIST_INVALID`
   */
  record(path: Buffer = Buffer.from(this.path)): FileRecord {
    this.entry()
    return this.#attributes.record(path)
  }

  /**
   * Says that all entries were looked at, with their attributes.
   *
   * @throws FormatError `FILE_LIST_INVALID` - there is more
   */
  finish(): void {
    this.finishPaths()
    this.#attributes.finish()
  }

  /** The same for the paths alone. */
  finishPaths(): void {
    if (this.#position !== this.#pathsEnd) throw this.#fault('A batch holds more paths than entries')
  }

  /** The coding is strict: the longest possible prefix is shared, and the first byte after it ascends. */
  #readPath(): void {
    const shared = this.#unsigned()
    const suffixBytes = this.#unsigned()
    const batch = this.#batch
    const start = this.#position
    if (suffixBytes > this.#pathsEnd - start) throw this.#fault('A batch ends inside an entry')
    this.#position = start + suffixBytes
    const pathBytes = shared + suffixBytes
    if (shared < 1 || shared > this.#pathBytes || suffixBytes < 1 || pathBytes > MAX_PATH_BYTES)
      throw this.#fault('A path is coded in an impossible way')
    const before = shared < this.#pathBytes ? this.#path[shared] : undefined
    if (rank(batch[start]) <= rank(before))
      throw new FormatError('FILE_LIST_ORDER', this.#position, 'Paths of a batch do not ascend')
    if (pathBytes > this.#path.length) this.#grow(shared, pathBytes)
    const path = this.#path
    let previous = path[shared - 1] as number
    for (let index = 0; index < suffixBytes; index++) {
      const byte = batch[start + index] as number
      if (byte === 0 || (byte === SLASH && (previous === SLASH || index === suffixBytes - 1)))
        throw this.#fault('A path holds a NUL byte or an empty component')
      path[shared + index] = byte
      previous = byte
    }
    this.#sharedBytes = shared
    this.#pathBytes = pathBytes
    this.#allPathBytes += pathBytes
    if (this.#allPathBytes > MAX_BATCH_PATH_BYTES + MAX_PATH_BYTES)
      throw this.#fault('The paths of a batch are too long')
  }

  #grow(keep: number, needed: number): void {
    const bigger = Buffer.allocUnsafe(Math.min(needed * 2, MAX_PATH_BYTES))
    this.#path.copy(bigger, 0, 0, keep)
    this.#path = bigger
  }

  #unsigned(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      if (this.#position >= this.#pathsEnd) throw this.#fault('A batch ends inside an entry')
      const byte = this.#batch[this.#position++] as number
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      if (value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw this.#fault('A number is too big')
  }

  #fault(message: string): FormatError {
    return new FormatError('FILE_LIST_INVALID', this.#offset + this.#position, message)
  }
}
