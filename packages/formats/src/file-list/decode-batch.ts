import { AttributesCursor } from './attributes-cursor.ts'
import { BatchCursor } from './batch-cursor.ts'
import { ByteReader } from './byte-reader.ts'
import { MAX_BATCH_PATH_BYTES, openBatch, peekBatch } from './frame.ts'
import type { OpenBatch } from './frame.ts'
import { MAX_PATH_BYTES, comparePaths, rank } from './path-order.ts'
import type { FileRecord } from './record.ts'

/** Serves all lookups: they are synchronous. */
const lookup = new AttributesCursor()

/**
 * Decodes a batch.
 *
 * @param batch - a whole batch
 * @param offset - where it stands in the list, for errors. Default 0.
 * @returns its records; their paths share one buffer
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function decodeBatch(batch: Buffer, offset = 0): FileRecord[] {
  return decodeOpenBatch(batch, openBatch(batch, 0, offset))
}

/** The same for a batch whose head and checksum were checked. */
export function decodeOpenBatch(batch: Buffer, open: OpenBatch): FileRecord[] {
  const records: FileRecord[] = []
  const arena = Buffer.allocUnsafe(measurePaths(batch, open))
  const cursor = new BatchCursor()
  cursor.openChecked(batch, open)
  let used = 0
  while (cursor.next()) {
    const { pathBytes } = cursor
    const path = arena.subarray(used, used + pathBytes)
    cursor.pathBuffer.copy(path, 0, 0, pathBytes)
    used += pathBytes
    records.push(cursor.record(path))
  }
  cursor.finish()
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
  const cursor = new BatchCursor()
  cursor.open(batch)
  while (cursor.next()) if (visit(cursor.path, cursor.index) === false) return
  cursor.finishPaths()
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
  return findInOpenBatch(batch, openBatch(batch, 0, 0), path)
}

/**
 * Looks an entry up in batches that follow one another.
 *
 * @param run - whole batches, in order
 * @param path - absolute path
 * @param offset - where they stand in the list, for errors. Default 0.
 * @returns the record, its bytes views of `run`; undefined when there is none
 * @throws FormatError `FILE_LIST_*`, `FORMAT_VERSION_UNSUPPORTED`
 */
export function findInRun(run: Buffer, path: Buffer, offset = 0): FileRecord | undefined {
  let at = 0
  for (;;) {
    const { end } = peekBatch(run, at, offset + at)
    if (end >= run.length || comparePaths(peekBatch(run, end, offset + end).firstPath, path) > 0) {
      const open = openBatch(run, at, offset + at)
      // That the path is in none behind it counts only if the next one's path is as it was written.
      if (end < run.length) openBatch(run, end, offset + end)
      return comparePaths(open.firstPath, path) > 0 ? undefined : findInOpenBatch(run, open, path)
    }
    at = end
  }
}

function findInOpenBatch(batch: Buffer, open: OpenBatch, path: Buffer): FileRecord | undefined {
  const index = findEntry(batch, open, path)
  if (index === -1) return undefined
  const attributes = lookup
  attributes.open(batch, open.attributesStart, open.end, open.offset)
  for (let at = 0; at <= index; at++) attributes.next()
  return attributes.record(path)
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
    const length = reader.unsigned()
    let at = reader.position
    const end = at + length
    reader.skip(length)
    if (shared > matched) continue
    if (shared < matched) return -1
    while (at < end && matched < path.length && batch[at] === path[matched]) {
      at++
      matched++
    }
    if (at === end && matched === path.length) return index
    if (rank(at < end ? batch[at] : undefined) > rank(path[matched])) return -1
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
    reader.skip(suffix)
    total += shared + suffix
    if (total > MAX_BATCH_PATH_BYTES + MAX_PATH_BYTES) throw reader.fault('The paths of a batch are too long')
  }
  return total
}
