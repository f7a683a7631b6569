import { CHECKSUM_BYTES } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import {
  BATCH_FIXED_BYTES,
  MAX_BATCH_BYTES,
  MAX_HEADER_BYTES,
  checkSeal,
  checkVersion,
  seal,
} from './frame.ts'
import { FILE_LIST_VERSION } from './frame.ts'
import { comparePaths, isWithin, pathFault } from './path-order.ts'
import type { BatchFrame } from './record.ts'

const MAGIC = Buffer.from('nb-findx')
const FIXED_BYTES = 40
const ENTRY_FIXED_BYTES = 18

/** What lookups in a file list need: where batches are and with which path they begin. Made when the list is complete. */
export interface FileListIndex {
  /** The batches of the list in order, each alone or several as one, see {@link groupBatches}. */
  readonly batches: readonly BatchFrame[]
  /** Entries in all batches. */
  readonly entryCount: number
  /** Bytes of the whole list, header included. */
  readonly fileListBytes: number
}

/** Batches that follow one another are one entry of an index as long as they are no longer together. */
const GROUP_BYTES = 16 * 1024

/**
 * Puts small batches together to entries of an index: a lookup steps over batches faster than over a bigger index.
 *
 * @param batches - all batches, in order
 * @returns what takes their place in {@link FileListIndex}
 */
export function groupBatches(batches: readonly BatchFrame[]): BatchFrame[] {
  const groups: BatchFrame[] = []
  for (const batch of batches) {
    const group = groups.at(-1)
    if (group === undefined || group.byteLength + batch.byteLength > GROUP_BYTES) groups.push(batch)
    else
      groups[groups.length - 1] = {
        ...group,
        byteLength: group.byteLength + batch.byteLength,
        entryCount: group.entryCount + batch.entryCount,
      }
  }
  return groups
}

/** A run of batches: from number `first` up to, not including, number `end`. */
export interface BatchRange {
  /** Number of the first batch. */
  readonly first: number
  /** Number after the last batch. */
  readonly end: number
}

/**
 * Encodes the index of a file list.
 *
 * @param index - all batches, and the length of the list; `entryCount` is their sum
 * @throws TypeError - batches do not ascend, are not one after the other, or the sum is wrong
 */
export function encodeFileListIndex(index: FileListIndex): Buffer {
  const fault = indexFault(index)
  if (fault !== undefined) throw new TypeError(fault)
  let byteLength = FIXED_BYTES + CHECKSUM_BYTES
  for (const { firstPath } of index.batches) byteLength += ENTRY_FIXED_BYTES + firstPath.length
  const bytes = Buffer.alloc(byteLength)
  MAGIC.copy(bytes)
  bytes.writeUInt8(FILE_LIST_VERSION, 8)
  bytes.writeBigUInt64LE(BigInt(byteLength), 12)
  bytes.writeUInt32LE(index.batches.length, 20)
  bytes.writeBigUInt64LE(BigInt(index.entryCount), 24)
  bytes.writeBigUInt64LE(BigInt(index.fileListBytes), 32)
  let at = FIXED_BYTES
  for (const batch of index.batches) {
    bytes.writeBigUInt64LE(BigInt(batch.offset), at)
    bytes.writeUInt32LE(batch.byteLength, at + 8)
    bytes.writeUInt32LE(batch.entryCount, at + 12)
    bytes.writeUInt16LE(batch.firstPath.length, at + 16)
    at += ENTRY_FIXED_BYTES
    at += batch.firstPath.copy(bytes, at)
  }
  seal(bytes)
  return bytes
}

/**
 * Decodes the index of a file list.
 *
 * @param bytes - the whole index, nothing after it
 * @returns the index; its paths are views of `bytes`
 * @throws FormatError `FORMAT_*`, `FILE_LIST_*`
 */
export function decodeFileListIndex(bytes: Buffer): FileListIndex {
  const { batchCount, entryCount, fileListBytes } = checkIndexHead(bytes)
  const batches = readBatches(bytes, batchCount)
  const index = { batches, entryCount, fileListBytes }
  const fault = indexFault(index)
  if (fault !== undefined) throw new FormatError('FILE_LIST_INVALID', FIXED_BYTES, fault)
  return index
}

/** What the head of an index says; its checksum is good. */
export function checkIndexHead(bytes: Buffer): {
  readonly batchCount: number
  readonly entryCount: number
  readonly fileListBytes: number
} {
  if (bytes.length < FIXED_BYTES + CHECKSUM_BYTES)
    throw new FormatError('FILE_LIST_TRUNCATED', bytes.length, 'The index of a file list ends too early')
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new FormatError('FORMAT_UNKNOWN', 0, 'This is no index of a file list')
  checkVersion('nb-files', bytes.readUInt8(8), 8)
  const byteLength = Number(bytes.readBigUInt64LE(12))
  if (byteLength > bytes.length)
    throw new FormatError('FILE_LIST_TRUNCATED', bytes.length, 'The index of a file list ends too early')
  if (byteLength < bytes.length)
    throw new FormatError('FILE_LIST_INVALID', 12, 'The index of a file list is followed by something else')
  checkSeal(bytes, 0)
  return {
    batchCount: bytes.readUInt32LE(20),
    entryCount: Number(bytes.readBigUInt64LE(24)),
    fileListBytes: Number(bytes.readBigUInt64LE(32)),
  }
}

function readBatches(bytes: Buffer, count: number): BatchFrame[] {
  const end = bytes.length - CHECKSUM_BYTES
  const batches: BatchFrame[] = []
  let at = FIXED_BYTES
  while (at < end) {
    const pathStart = at + ENTRY_FIXED_BYTES
    const pathEnd = pathStart > end ? pathStart : pathStart + bytes.readUInt16LE(at + 16)
    if (pathEnd > end)
      throw new FormatError('FILE_LIST_INVALID', at, 'An index entry is longer than the index')
    const firstPath = bytes.subarray(pathStart, pathEnd)
    const fault = pathFault(firstPath)
    if (fault !== undefined) throw new FormatError('FILE_LIST_INVALID', pathStart, `A path ${fault}`)
    batches.push({
      offset: Number(bytes.readBigUInt64LE(at)),
      byteLength: bytes.readUInt32LE(at + 8),
      entryCount: bytes.readUInt32LE(at + 12),
      firstPath,
    })
    at = pathEnd
  }
  if (batches.length !== count)
    throw new FormatError('FILE_LIST_INVALID', 20, `The index holds ${batches.length} batches, not ${count}`)
  return batches
}

function indexFault(index: FileListIndex): string | undefined {
  // A reader takes what stands before the first batch for the list's header, and reads it whole.
  let end = index.batches[0]?.offset ?? index.fileListBytes
  if (!Number.isSafeInteger(end) || end < 0 || end > MAX_HEADER_BYTES) return `a header of ${end} bytes`
  let entries = 0
  let before: BatchFrame | undefined
  for (const batch of index.batches) {
    if (batch.offset !== end) return 'a batch does not begin where the one before ends'
    if (batch.byteLength <= BATCH_FIXED_BYTES || batch.byteLength > MAX_BATCH_BYTES)
      return `a batch of ${batch.byteLength} bytes`
    if (before !== undefined && comparePaths(before.firstPath, batch.firstPath) >= 0)
      return 'batches do not ascend'
    if (!Number.isSafeInteger(batch.entryCount) || batch.entryCount < 1) return 'a batch without entries'
    end = batch.offset + batch.byteLength
    entries += batch.entryCount
    before = batch
  }
  if (entries !== index.entryCount) return `${entries} entries, not ${index.entryCount}`
  if (end !== index.fileListBytes) return 'the list does not end with its last batch'
  return undefined
}

/**
 * The batch that holds a path, if any does.
 *
 * @param index - the list's index
 * @param path - absolute path
 * @returns number of the batch, −1 when the path is before all of the list
 */
export function findBatch(index: FileListIndex, path: Uint8Array): number {
  return firstWhere(index, (batch) => comparePaths(batch.firstPath, path) > 0) - 1
}

/**
 * The batches that may hold a directory's entry and all below it; their first and last ones hold others too.
 *
 * @param index - the list's index
 * @param directory - absolute path
 */
export function subtreeBatches(index: FileListIndex, directory: Uint8Array): BatchRange {
  const first = Math.max(0, findBatch(index, directory))
  const beyond = (batch: BatchFrame): boolean =>
    comparePaths(batch.firstPath, directory) > 0 && !isWithin(batch.firstPath, directory)
  return { first, end: firstWhere(index, beyond) }
}

/** Number of the first batch of which a condition holds that, once true, stays so. */
function firstWhere(index: FileListIndex, condition: (batch: BatchFrame) => boolean): number {
  let low = 0
  let high = index.batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const batch = index.batches[middle]
    if (batch !== undefined && condition(batch)) high = middle
    else low = middle + 1
  }
  return low
}
