import { CHECKSUM_BYTES, checksumOf } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import { comparePaths, pathFault } from './path-order.ts'
import type { BatchFrame, FileListHeader } from './record.ts'

/** Major version of `nb-files` that is written, and the newest that is read. */
export const FILE_LIST_VERSION = 1

const HEADER_MAGIC = Buffer.from('nb-files')
const HEADER_FIXED_BYTES = 16
/** Biggest header of a list that is read. */
export const MAX_HEADER_BYTES: number = 4 * 1024 * 1024
const BATCH_MAGIC = Buffer.from('nbFB')
/** Bytes of a batch's head before its first path. */
export const BATCH_FIXED_BYTES = 20
/** Biggest batch that is read. */
export const MAX_BATCH_BYTES: number = 512 * 1024
/** Paths of one batch, decoded, in bytes: an encoder closes the batch when it gets there, so memory is bounded. */
export const MAX_BATCH_PATH_BYTES: number = 4 * 1024 * 1024
/** Bytes that tell how long a header or a batch is. */
export const LENGTH_KNOWN_BYTES = 16

/** Result of {@link scanBatches}. */
export interface ScannedBatches {
  /** The whole batches found, in order. */
  readonly batches: readonly BatchFrame[]
  /** Bytes they take; what follows in the buffer is the beginning of the next batch. */
  readonly consumedBytes: number
}

/** Makes the head of a file list; see {@link decodeFileListHeader}. */
export function encodeFileListHeader(header: FileListHeader): Buffer {
  const { images, digestAlgorithm } = header
  const json = Buffer.from(JSON.stringify({ images, ...(digestAlgorithm ? { digestAlgorithm } : {}) }))
  const bytes = Buffer.alloc(HEADER_FIXED_BYTES + json.length + CHECKSUM_BYTES)
  if (bytes.length > MAX_HEADER_BYTES) throw new TypeError('the table of images is too big')
  HEADER_MAGIC.copy(bytes)
  bytes.writeUInt8(FILE_LIST_VERSION, 8)
  bytes.writeUInt32LE(bytes.length, 12)
  json.copy(bytes, HEADER_FIXED_BYTES)
  seal(bytes)
  return bytes
}

/**
 * Bytes of the whole header.
 *
 * @param bytes - at least the first 16 bytes of the list
 * @param offset - where they stand, for errors
 * @throws FormatError `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FILE_LIST_INVALID`, `FILE_LIST_TRUNCATED`
 */
export function fileListHeaderBytes(bytes: Buffer, offset: number): number {
  if (bytes.length < HEADER_FIXED_BYTES)
    throw new FormatError('FILE_LIST_TRUNCATED', offset + bytes.length, 'A file list ends inside its header')
  if (!bytes.subarray(0, HEADER_MAGIC.length).equals(HEADER_MAGIC))
    throw new FormatError('FORMAT_UNKNOWN', offset, 'This is no file list')
  checkVersion('nb-files', bytes.readUInt8(8), offset + 8)
  const byteLength = bytes.readUInt32LE(12)
  if (byteLength < HEADER_FIXED_BYTES + CHECKSUM_BYTES || byteLength > MAX_HEADER_BYTES)
    throw new FormatError('FILE_LIST_INVALID', offset + 12, `A file list header of ${byteLength} bytes`)
  return byteLength
}

/**
 * Reads the head of a file list.
 *
 * @param bytes - the list, or at least its header
 * @returns what it says, and its length: the first batch follows
 * @throws FormatError `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FILE_LIST_*`
 */
export function decodeFileListHeader(bytes: Buffer): {
  readonly header: FileListHeader
  readonly byteLength: number
} {
  const byteLength = fileListHeaderBytes(bytes, 0)
  if (byteLength > bytes.length)
    throw new FormatError('FILE_LIST_TRUNCATED', bytes.length, 'A file list ends inside its header')
  checkSeal(bytes.subarray(0, byteLength), 0)
  const json: unknown = parseJson(bytes.toString('utf8', HEADER_FIXED_BYTES, byteLength - CHECKSUM_BYTES))
  if (typeof json !== 'object' || json === null || !('images' in json) || !isImageTable(json.images))
    throw new FormatError(
      'FILE_LIST_INVALID',
      HEADER_FIXED_BYTES,
      'A file list header without a table of images',
    )
  const { images } = json
  const digestAlgorithm = 'digestAlgorithm' in json ? json.digestAlgorithm : undefined
  if (digestAlgorithm === undefined) return { header: { images }, byteLength }
  if (typeof digestAlgorithm !== 'string')
    throw new FormatError('FILE_LIST_INVALID', HEADER_FIXED_BYTES, 'A digest algorithm that is no name')
  return { header: { images, digestAlgorithm }, byteLength }
}

function isImageTable(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((image) => typeof image === 'string')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FormatError('FILE_LIST_INVALID', HEADER_FIXED_BYTES, 'A file list header that is no JSON')
  }
}

/** Puts head, sections and checksum of a batch together. */
export function encodeBatch(
  firstPath: Buffer,
  entryCount: number,
  paths: Buffer,
  attributes: Buffer,
): Buffer {
  const byteLength = BATCH_FIXED_BYTES + firstPath.length + paths.length + attributes.length + CHECKSUM_BYTES
  const bytes = Buffer.allocUnsafe(byteLength)
  BATCH_MAGIC.copy(bytes)
  bytes.writeUInt8(FILE_LIST_VERSION, 4)
  bytes.writeUInt8(0, 5)
  bytes.writeUInt16LE(firstPath.length, 6)
  bytes.writeUInt32LE(byteLength, 8)
  bytes.writeUInt32LE(entryCount, 12)
  bytes.writeUInt32LE(paths.length, 16)
  let at = BATCH_FIXED_BYTES + firstPath.copy(bytes, BATCH_FIXED_BYTES)
  at += paths.copy(bytes, at)
  attributes.copy(bytes, at)
  seal(bytes)
  return bytes
}

/**
 * Bytes of the whole batch.
 *
 * @param bytes - buffer
 * @param at - where the batch begins; at least 16 bytes follow
 * @param offset - where that is in the list, for errors
 * @throws FormatError `FILE_LIST_INVALID`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function batchBytes(bytes: Buffer, at: number, offset: number): number {
  for (let index = 0; index < BATCH_MAGIC.length; index++)
    if (bytes[at + index] !== BATCH_MAGIC[index])
      throw new FormatError('FILE_LIST_INVALID', offset + index, 'No batch begins here')
  checkVersion('nb-files', bytes.readUInt8(at + 4), offset + 4)
  const byteLength = bytes.readUInt32LE(at + 8)
  if (byteLength < BATCH_FIXED_BYTES + 1 + CHECKSUM_BYTES || byteLength > MAX_BATCH_BYTES)
    throw new FormatError('FILE_LIST_INVALID', offset + 8, `A batch of ${byteLength} bytes`)
  return byteLength
}

/**
 * Where a batch ends in a buffer, and its first path, without checking more than its head. Whoever passes over a batch by it has to
 * `openBatch` the one that follows: its path counts when its checksum is good.
 *
 * @param bytes - buffer
 * @param at - where the batch begins in it
 * @param offset - where that is in the list
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function peekBatch(
  bytes: Buffer,
  at: number,
  offset: number,
): { readonly end: number; readonly firstPath: Buffer } {
  const pathStart = at + BATCH_FIXED_BYTES
  if (bytes.length < pathStart)
    throw new FormatError('FILE_LIST_TRUNCATED', offset + bytes.length - at, 'A batch ends too early')
  const end = at + batchBytes(bytes, at, offset)
  const pathEnd = pathStart + bytes.readUInt16LE(at + 6)
  if (end > bytes.length || pathEnd > end)
    throw new FormatError('FILE_LIST_TRUNCATED', offset + bytes.length - at, 'A batch ends too early')
  return { end, firstPath: bytes.subarray(pathStart, pathEnd) }
}

/** A batch whose head and checksum are good. */
export interface OpenBatch extends BatchFrame {
  /** Where the front-coded paths begin in the buffer. */
  readonly pathsStart: number
  /** Where the attributes begin. */
  readonly attributesStart: number
  /** Where the checksum begins. */
  readonly end: number
}

/**
 * Checks the head and checksum of a batch and says where its sections are.
 *
 * @param bytes - buffer
 * @param at - where the batch begins in it
 * @param offset - where that is in the list
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function openBatch(bytes: Buffer, at: number, offset: number): OpenBatch {
  if (bytes.length - at < LENGTH_KNOWN_BYTES)
    throw new FormatError('FILE_LIST_TRUNCATED', offset + bytes.length - at, 'A batch ends too early')
  const byteLength = batchBytes(bytes, at, offset)
  if (byteLength > bytes.length - at)
    throw new FormatError('FILE_LIST_TRUNCATED', offset + bytes.length - at, 'A batch ends too early')
  checkSeal(bytes.subarray(at, at + byteLength), offset)
  const pathsStart = at + BATCH_FIXED_BYTES + bytes.readUInt16LE(at + 6)
  const entryCount = bytes.readUInt32LE(at + 12)
  const attributesStart = pathsStart + bytes.readUInt32LE(at + 16)
  const end = at + byteLength - CHECKSUM_BYTES
  // An entry takes at least three bytes of paths (but the first none) and three of attributes.
  const room = Math.min(attributesStart - pathsStart + 3, end - attributesStart)
  if (bytes.readUInt8(at + 5) !== 0 || attributesStart > end || entryCount < 1 || entryCount * 3 > room)
    throw new FormatError('FILE_LIST_INVALID', offset, 'The head of a batch contradicts itself')
  const firstPath = bytes.subarray(at + BATCH_FIXED_BYTES, pathsStart)
  const fault = pathFault(firstPath)
  if (fault !== undefined)
    throw new FormatError('FILE_LIST_INVALID', offset + BATCH_FIXED_BYTES, `A path ${fault}`)
  return { offset, byteLength, entryCount, firstPath, pathsStart, attributesStart, end }
}

/**
 * Finds and checks whole batches without decoding them: all that a relay which only appends has to do.
 *
 * @param bytes - batches one after the other, the last may be incomplete; no list header
 * @param baseOffset - where the buffer stands in the list; added to each `offset`. Default 0.
 * @returns the whole batches; their `firstPath` is a copy
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED` - damaged, or first paths do not ascend
 */
export function scanBatches(bytes: Buffer, baseOffset = 0): ScannedBatches {
  const batches: BatchFrame[] = []
  let at = 0
  while (bytes.length - at >= LENGTH_KNOWN_BYTES) {
    if (batchBytes(bytes, at, baseOffset + at) > bytes.length - at) break
    const { offset, byteLength, entryCount, firstPath } = openBatch(bytes, at, baseOffset + at)
    const before = batches.at(-1)
    if (before !== undefined && comparePaths(before.firstPath, firstPath) >= 0)
      throw new FormatError('FILE_LIST_ORDER', offset, 'A batch begins before the one that precedes it')
    batches.push({ offset, byteLength, entryCount, firstPath: Buffer.from(firstPath) })
    at += byteLength
  }
  return { batches, consumedBytes: at }
}

/** Writes the checksum of all that precedes into the last 8 bytes. */
export function seal(bytes: Buffer): void {
  const end = bytes.length - CHECKSUM_BYTES
  bytes.writeBigUInt64LE(checksumOf(bytes.subarray(0, end)), end)
}

/**
 * Checks what {@link seal} wrote.
 *
 * @throws FormatError `FILE_LIST_CHECKSUM`
 */
export function checkSeal(bytes: Buffer, offset: number): void {
  const end = bytes.length - CHECKSUM_BYTES
  if (bytes.readBigUInt64LE(end) !== checksumOf(bytes.subarray(0, end)))
    throw new FormatError(
      'FILE_LIST_CHECKSUM',
      offset + end,
      'A part of a file list does not match its checksum',
    )
}

/**
 * Refuses what a newer writer made.
 *
 * @throws FormatError `FORMAT_VERSION_UNSUPPORTED`, `FILE_LIST_INVALID` for 0, which no version is
 */
export function checkVersion(format: string, version: number, offset: number): void {
  if (version === FILE_LIST_VERSION) return
  if (version === 0) throw new FormatError('FILE_LIST_INVALID', offset, `Written as ${format}/0`)
  throw new FormatError(
    'FORMAT_VERSION_UNSUPPORTED',
    offset,
    `Written as ${format}/${version}; this reader knows ${format}/${FILE_LIST_VERSION}`,
  )
}
