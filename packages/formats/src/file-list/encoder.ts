import { type Instant, isListableTime } from '../instant.ts'
import { MAX_IMAGE_INDEX } from './attribute-head.ts'
import { AttributesWriter } from './attributes-writer.ts'
import { ByteWriter } from './byte-writer.ts'
import { MAX_BATCH_PATH_BYTES, encodeBatch, encodeFileListHeader } from './frame.ts'
import { type ListEntry, entryOf } from './list-entry.ts'
import { MAX_PATH_BYTES, pathFault, rank } from './path-order.ts'
import type { FileRecord } from './record.ts'

const DEFAULT_BATCH_BYTES = 4 * 1024
const MAX_TARGET_BYTES = 128 * 1024
const MAX_LINK_BYTES = 65_535
const MAX_DIGEST_BYTES = 255
const MAX_IDENTITY = 2n ** 64n
const MAX_UINT32 = 2 ** 32 - 1

/** Options of {@link FileListEncoder}. */
export interface FileListEncoderOptions {
  /** Backup ids that records refer to: index 0 is the image itself, 1… earlier ones. At most 65,536. */
  readonly images: readonly string[]
  /** Name of the algorithm of all digests, such as `sha256`. */
  readonly digestAlgorithm?: string
  /**
   * Bytes after which a batch is closed, 64–131,072. A lookup reads one batch.
   *
   * @default 4096
   */
  readonly batchBytes?: number
}

/** Makes a file list, `nb-files/1`: the header once, then batches as they fill up. Records come in order of paths. */
export class FileListEncoder {
  readonly #options: FileListEncoderOptions
  readonly #batchBytes: number
  readonly #paths: ByteWriter
  readonly #attributes: ByteWriter
  readonly #attributesWriter: AttributesWriter
  #firstPath: Buffer = Buffer.alloc(0)
  readonly #lastPath: Buffer = Buffer.allocUnsafe(MAX_PATH_BYTES)
  #lastPathBytes = 0
  #batchEntries = 0
  #batchPathBytes = 0
  #entryCount = 0

  /**
   * @param options - images and batch size
   * @throws TypeError - an option is out of range
   */
  constructor(options: FileListEncoderOptions) {
    const { images, batchBytes = DEFAULT_BATCH_BYTES } = options
    if (images.length < 1 || images.length > MAX_IMAGE_INDEX + 1)
      throw new TypeError(`images must be 1 to ${MAX_IMAGE_INDEX + 1} backup ids`)
    if (!Number.isSafeInteger(batchBytes) || batchBytes < 64 || batchBytes > MAX_TARGET_BYTES)
      throw new TypeError(`batchBytes must be a whole number from 64 to ${MAX_TARGET_BYTES}`)
    this.#options = options
    this.#batchBytes = batchBytes
    this.#paths = new ByteWriter(batchBytes * 2)
    this.#attributes = new ByteWriter(batchBytes * 2)
    this.#attributesWriter = new AttributesWriter(this.#attributes)
  }

  /** Records added so far. */
  get entryCount(): number {
    return this.#entryCount
  }

  /** The list's header: first, once. */
  header(): Buffer {
    return encodeFileListHeader(this.#options)
  }

  /**
   * Adds the next entry.
   *
   * @param record - the entry; its path is above all before, see `comparePaths`
   * @returns a whole batch, when this entry filled one
   * @throws TypeError - a field is out of its documented range, or the order is wrong; the record is not added
   */
  add(record: FileRecord): Buffer | undefined {
    const { device, inode } = record.identity
    if (device < 0n || device >= MAX_IDENTITY || inode < 0n || inode >= MAX_IDENTITY)
      throw new TypeError('identity must be two numbers of 64 bits')
    return this.addEntry(entryOf(record))
  }

  /**
   * As {@link add}, for whoever adds many: from numbers alone. The entry may be used again at once.
   *
   * @param entry - the entry
   */
  addEntry(entry: ListEntry): Buffer | undefined {
    const { path } = entry
    const shared = this.#checkedShared(path)
    this.#check(entry)
    if (this.#batchEntries === 0) this.#firstPath = Buffer.from(path)
    else {
      this.#paths.unsigned(shared)
      this.#paths.unsigned(path.length - shared)
      this.#paths.bytes(shared === 0 ? path : path.subarray(shared))
    }
    this.#attributesWriter.write(entry)
    this.#lastPath.set(shared === 0 ? path : path.subarray(shared), shared)
    this.#lastPathBytes = path.length
    this.#batchEntries++
    this.#entryCount++
    this.#batchPathBytes += path.length
    const full = this.#paths.length + this.#attributes.length >= this.#batchBytes
    return full || this.#batchPathBytes >= MAX_BATCH_PATH_BYTES ? this.flush() : undefined
  }

  /**
   * Closes the batch that is open: at a checkpoint, and at the end.
   *
   * @returns the batch, or undefined when there is nothing to close
   */
  flush(): Buffer | undefined {
    if (this.#batchEntries === 0) return undefined
    const batch = encodeBatch(
      this.#firstPath,
      this.#batchEntries,
      this.#paths.written,
      this.#attributes.written,
    )
    this.#paths.clear()
    this.#attributes.clear()
    this.#attributesWriter.clear()
    this.#batchEntries = 0
    this.#batchPathBytes = 0
    return batch
  }

  /**
   * Takes note of a whole batch that goes into the list here as it is, see `CarriedBatch`. None is open.
   *
   * @param entryCount - its entries
   * @param firstPath - its first path, above all before
   * @param lastPath - its last one
   * @throws TypeError - a batch is open, or the order is wrong
   */
  carried(entryCount: number, firstPath: Buffer, lastPath: Buffer): void {
    if (this.#batchEntries > 0) throw new TypeError('a batch is open')
    this.#checkedShared(firstPath)
    this.#lastPath.set(lastPath)
    this.#lastPathBytes = lastPath.length
    this.#entryCount += entryCount
  }

  /** Bytes in common with the path before, which was sound: only the others are looked at. */
  #checkedShared(path: Buffer): number {
    const last = this.#lastPath
    const limit = Math.min(path.length, this.#lastPathBytes)
    let shared = 0
    while (shared < limit && path[shared] === last[shared]) shared++
    const fault = pathFault(path, shared)
    if (fault !== undefined) throw new TypeError(`path ${fault}`)
    if (rank(path[shared]) > (shared < this.#lastPathBytes ? rank(last[shared]) : -1)) return shared
    const before = last.toString('utf8', 0, this.#lastPathBytes)
    throw new TypeError(`${JSON.stringify(path.toString())} does not follow ${JSON.stringify(before)}`)
  }

  #check(entry: ListEntry): void {
    const { sizeBytes, allocatedBytes, memberOffset, memberBytes, linkTarget, digest } = entry
    checkCount(entry.mode, 'mode', 0o7777)
    checkCount(entry.uid, 'uid')
    checkCount(entry.gid, 'gid')
    // A little below the greatest safe integer, so that sizes rounded up to blocks are safe too.
    checkCount(sizeBytes, 'sizeBytes', Number.MAX_SAFE_INTEGER - 8192)
    if (allocatedBytes !== undefined)
      checkCount(allocatedBytes, 'allocatedBytes', Number.MAX_SAFE_INTEGER - 8192)
    checkCount(entry.linkCount, 'linkCount')
    checkCount(entry.imageIndex, 'imageIndex', this.#options.images.length - 1)
    checkCount(memberOffset, 'memberOffset')
    checkCount(memberBytes, 'memberBytes')
    checkCount(memberOffset + memberBytes, 'the end of the member')
    checkCount(entry.flags, 'flags')
    checkTime(entry.mtime)
    checkTime(entry.ctime)
    checkCount(entry.deviceHigh, 'deviceHigh', MAX_UINT32)
    checkCount(entry.deviceLow, 'deviceLow', MAX_UINT32)
    checkCount(entry.inodeHigh, 'inodeHigh', MAX_UINT32)
    checkCount(entry.inodeLow, 'inodeLow', MAX_UINT32)
    checkLink(entry.kind === 'symlink' || entry.kind === 'hardlink', linkTarget)
    checkDevice(entry.kind === 'character-device' || entry.kind === 'block-device', entry)
    if (digest !== undefined) checkCount(digest.length, 'bytes of digest', MAX_DIGEST_BYTES)
  }
}

function checkTime({ seconds, nanos }: Instant): void {
  checkCount(nanos, 'nanos', 999_999_999)
  if (!Number.isSafeInteger(seconds) || !isListableTime(seconds, nanos))
    throw new TypeError('times must be within 64 bits of nanoseconds')
}

function checkLink(isLink: boolean, target: Buffer | undefined): void {
  if (isLink !== (target !== undefined))
    throw new TypeError('linkTarget belongs to links, and to each of them')
  if (target === undefined) return
  if (target.length === 0 || target.length > MAX_LINK_BYTES || target.includes(0))
    throw new TypeError(`linkTarget must be 1 to ${MAX_LINK_BYTES} bytes without NUL`)
}

function checkDevice(isDevice: boolean, entry: ListEntry): void {
  const { deviceMajor, deviceMinor } = entry
  if (isDevice !== (deviceMajor !== undefined) || isDevice !== (deviceMinor !== undefined))
    throw new TypeError('device numbers belong to devices, and to each of them')
  if (!isDevice) return
  checkCount(deviceMajor ?? -1, 'deviceMajor')
  checkCount(deviceMinor ?? -1, 'deviceMinor')
}

function checkCount(value: number, name: string, limit: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > limit)
    throw new TypeError(`${name} must be a whole number from 0 to ${limit}`)
}
