import { FormatError } from '../format-error.ts'
import { AttributesReader } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { MAX_BATCH_PATH_BYTES, openBatch } from './frame.ts'
import type { OpenBatch } from './frame.ts'
import { MAX_PATH_BYTES, comparePaths, rank } from './path-order.ts'
import type { FileRecord } from './record.ts'

const SLASH = 0x2f
const INITIAL_PATH_BYTES = 1024

/**
 * Decodes a batch.
 *
 * @param batch - a whole batch
 * @param offset - where it stands in the list, for errors. Default 0.
 * @returns its records; their paths share one buffer
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function decodeBatch(batch: Buffer, offset = 0): FileRecord[] {
  const open = openBatch(batch, 0, offset)
  const records: FileRecord[] = []
  const arena = Buffer.allocUnsafe(measurePaths(batch, open))
  const attributes = new AttributesReader(new ByteReader(batch, open.attributesStart, open.end, offset))
  let used = 0
  walkPaths(batch, open, (path) => {
    const copy = arena.subarray(used, used + path.length)
    path.copy(copy)
    used += path.length
    records.push(attributes.next(copy))
  })
  attributes.finish()
  return records
}

/**
 * Visits the paths of a batch without decoding attributes.
 *
 * @param batch - a whole batch
 * @param visit - gets a view, valid during the call, and the entry's number in the batch; `false` ends the scan
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function scanPaths(batch: Buffer, visit: (path: Buffer, entryIndex: number) => boolean | void): void {
  walkPaths(batch, openBatch(batch, 0, 0), visit)
}

/**
 * Looks an entry up.
 *
 * @param batch - the batch that may hold it, see `findBatch`
 * @param path - absolute path
 * @returns the record, or undefined when there is none
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function findInBatch(batch: Buffer, path: Buffer): FileRecord | undefined {
  const open = openBatch(batch, 0, 0)
  const index = findEntry(batch, open, path)
  if (index === -1) return undefined
  const attributes = new AttributesReader(new ByteReader(batch, open.attributesStart, open.end, 0))
  for (let skipped = 0; skipped < index; skipped++) attributes.next(path)
  return attributes.next(path)
}

/**
 * Number of an entry, found on the coded paths: as long as an entry shares more with its predecessor than that one
 * shares with the path looked for, it stands on the same side and need not be looked at.
 */
function findEntry(batch: Buffer, open: OpenBatch, path: Buffer): number {
  const order = comparePaths(path, open.firstPath)
  if (order <= 0) return order === 0 ? 0 : -1
  const reader = new ByteReader(batch, open.pathsStart, open.attributesStart, open.offset)
  let matched = 0
  while (matched < path.length && path[matched] === open.firstPath[matched]) matched++
  for (let index = 1; index < open.entryCount; index++) {
    const shared = reader.unsigned()
    const suffix = reader.bytes(reader.unsigned())
    if (shared > matched) continue
    if (shared < matched) return -1
    let at = 0
    while (at < suffix.length && matched < path.length && suffix[at] === path[matched]) {
      at++
      matched++
    }
    if (at === suffix.length && matched === path.length) return index
    if (rank(suffix[at]) > rank(path[matched])) return -1
  }
  return -1
}

/** Bytes of all paths of a batch. */
function measurePaths(batch: Buffer, open: OpenBatch): number {
  const reader = new ByteReader(batch, open.pathsStart, open.attributesStart, open.offset)
  let total = open.firstPath.length
  for (let index = 1; index < open.entryCount; index++) {
    const shared = reader.unsigned()
    const suffix = reader.unsigned()
    reader.bytes(suffix)
    total += shared + suffix
    if (total > MAX_BATCH_PATH_BYTES + MAX_PATH_BYTES) throw reader.fault('The paths of a batch are too long')
  }
  return total
}

function walkPaths(
  batch: Buffer,
  open: OpenBatch,
  visit: (path: Buffer, entryIndex: number) => boolean | void,
): void {
  const reader = new ByteReader(batch, open.pathsStart, open.attributesStart, open.offset)
  let path: Buffer = Buffer.allocUnsafe(Math.max(INITIAL_PATH_BYTES, open.firstPath.length))
  let length = open.firstPath.copy(path)
  if (visit(path.subarray(0, length), 0) === false) return
  for (let index = 1; index < open.entryCount; index++) {
    const shared = reader.unsigned()
    const suffix = reader.bytes(reader.unsigned())
    checkSuffix(reader, path, length, shared, suffix)
    length = shared + suffix.length
    if (length > path.length) path = grown(path, shared, length)
    suffix.copy(path, shared)
    if (visit(path.subarray(0, length), index) === false) return
  }
  if (!reader.atEnd) throw reader.fault('A batch holds more paths than entries')
}

function grown(path: Buffer, keep: number, needed: number): Buffer {
  const bigger = Buffer.allocUnsafe(Math.min(needed * 2, MAX_PATH_BYTES))
  path.copy(bigger, 0, 0, keep)
  return bigger
}

/** The coding is strict: the longest possible prefix is shared, and the first byte after it ascends. */
function checkSuffix(reader: ByteReader, path: Buffer, length: number, shared: number, suffix: Buffer): void {
  if (shared < 1 || shared > length || suffix.length < 1 || shared + suffix.length > MAX_PATH_BYTES)
    throw reader.fault('A path is coded in an impossible way')
  const before = shared < length ? path[shared] : undefined
  if (rank(suffix[0]) <= rank(before))
    throw new FormatError('FILE_LIST_ORDER', reader.position, 'Paths of a batch do not ascend')
  let previous = path[shared - 1]
  for (let index = 0; index < suffix.length; index++) {
    const byte = suffix[index]
    if (byte === 0 || (byte === SLASH && (previous === SLASH || index === suffix.length - 1)))
      throw reader.fault('A path holds a NUL byte or an empty component')
    previous = byte
  }
}
