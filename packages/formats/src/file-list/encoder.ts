import { MAX_IMAGE_INDEX } from './attribute-head.ts'
import { AttributesWriter } from './attributes.ts'
import { ByteWriter } from './byte-writer.ts'
import { MAX_BATCH_PATH_BYTES, encodeBatch, encodeFileListHeader } from './frame.ts'
import { MAX_PATH_BYTES, pathFault, rank, sharedPrefix } from './path-order.ts'
import type { FileRecord } from './record.ts'

const DEFAULT_BATCH_BYTES = 16 * 1024
const MAX_TARGET_BYTES = 128 * 1024
const MAX_LINK_BYTES = 65_535
const MAX_DIGEST_BYTES = 255
const MAX_TIME = 2n ** 63n
const MAX_IDENTITY = 2n ** 64n

/** Options of {@link FileListEncoder}. */
export interface FileListEncoderOptions {
  /** Backup ids that records refer to: index 0 is the image itself, 1… earlier ones. At most 65,536. */
  readonly images: readonly string[]
  /** Name of the algorithm of all digests, such as `sha256`. */
  readonly digestAlgorithm?: string
  /**
   * Bytes after which a batch is closed, 64–131,072. A lookup reads one batch.
   *
   * @default 16384
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
    this.#check(record)
    const { path } = record
    const shared = this.#checkedShared(path)
    if (this.#batchEntries === 0) this.#firstPath = Buffer.from(path)
    else {
      this.#paths.unsigned(shared)
      this.#paths.unsigned(path.length - shared)
      this.#paths.bytes(shared === 0 ? path : path.subarray(shared))
    }
    this.#attributesWriter.write(record)
    this.#lastPathBytes = path.copy(this.#lastPath)
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

  #checkedShared(path: Buffer): number {
    const last = this.#lastPath.subarray(0, this.#lastPathBytes)
    const shared = sharedPrefix(path, last)
    if (rank(path[shared]) > rank(last[shared])) return shared
    throw new TypeError(
      `${JSON.stringify(path.toString())} does not follow ${JSON.stringify(last.toString())}`,
    )
  }

  #check(record: FileRecord): void {
    const fault = pathFault(record.path)
    if (fault !== undefined) throw new TypeError(`path ${fault}`)
    const { mode, imageIndex, sizeBytes, linkTarget, digest, identity, mtimeNs, ctimeNs } = record
    checkCount(mode, 'mode', 0o7777)
    checkCount(record.uid, 'uid')
    checkCount(record.gid, 'gid')
    // A little below the greatest safe integer, so that sizes rounded up to blocks are safe too.
    checkCount(sizeBytes, 'sizeBytes', Number.MAX_SAFE_INTEGER - 8192)
    if (record.allocatedBytes !== undefined)
      checkCount(record.allocatedBytes, 'allocatedBytes', Number.MAX_SAFE_INTEGER - 8192)
    checkCount(record.linkCount, 'linkCount')
    checkCount(imageIndex, 'imageIndex', this.#options.images.length - 1)
    checkCount(record.memberOffset, 'memberOffset')
    checkCount(record.memberBytes, 'memberBytes')
    checkCount(record.memberOffset + record.memberBytes, 'the end of the member')
    checkCount(record.flags, 'flags')
    if (mtimeNs >= MAX_TIME || mtimeNs < -MAX_TIME || ctimeNs >= MAX_TIME || ctimeNs < -MAX_TIME)
      throw new TypeError('times must be within 64 bits of nanoseconds')
    if (
      identity.device < 0n ||
      identity.device >= MAX_IDENTITY ||
      identity.inode < 0n ||
      identity.inode >= MAX_IDENTITY
    )
      throw new TypeError('identity must be two numbers of 64 bits')
    checkLink(record.kind === 'symlink' || record.kind === 'hardlink', linkTarget)
    checkDevice(record.kind === 'character-device' || record.kind === 'block-device', record)
    if (digest !== undefined) checkCount(digest.length, 'bytes of digest', MAX_DIGEST_BYTES)
  }
}

function checkLink(isLink: boolean, target: Buffer | undefined): void {
  if (isLink !== (target !== undefined))
    throw new TypeError('linkTarget belongs to links, and to each of them')
  if (target === undefined) return
  if (target.length === 0 || target.length > MAX_LINK_BYTES || target.includes(0))
    throw new TypeError(`linkTarget must be 1 to ${MAX_LINK_BYTES} bytes without NUL`)
}

function checkDevice(isDevice: boolean, record: FileRecord): void {
  const { deviceMajor, deviceMinor } = record
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
