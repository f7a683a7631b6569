import { FormatError } from '../format-error.ts'
import { comparePaths, isWithin } from './path-order.ts'
import { checkIndexHead, type BatchRange } from './sparse-index.ts'
import { BATCH_FIXED_BYTES, MAX_BATCH_BYTES, MAX_HEADER_BYTES } from './frame.ts'
import { CHECKSUM_BYTES } from '../checksum.ts'

const FIXED_BYTES = 40
const ENTRY_FIXED_BYTES = 18

/**
 * The index of a file list as lookups hold it: where each run of batches, one entry of the index, is and with which path it begins, in a
 * few pieces of memory and without an object each.
 */
export class FileListRuns {
  /** Runs of the list. */
  readonly runCount: number
  /** Entries of the list. */
  readonly entryCount: number
  /** Bytes of the whole list, header included. */
  readonly fileListBytes: number
  /** Bytes of memory that it holds, nearly. */
  readonly memoryBytes: number
  /** Where each run begins in the list; behind them where the last ends. */
  readonly #offsets: Float64Array
  readonly #paths: Buffer
  /** Where the first path of each run begins among the paths; behind them where the last ends. */
  readonly #pathStarts: Uint32Array

  private constructor(
    facts: { readonly entryCount: number; readonly fileListBytes: number },
    offsets: Float64Array,
    paths: Buffer,
    pathStarts: Uint32Array,
  ) {
    this.runCount = pathStarts.length - 1
    this.entryCount = facts.entryCount
    this.fileListBytes = facts.fileListBytes
    this.#offsets = offsets
    this.#paths = paths
    this.#pathStarts = pathStarts
    this.memoryBytes = paths.length + offsets.byteLength + pathStarts.byteLength + 500
  }

  /**
   * Makes it from an index at rest.
   *
   * @param bytes - the whole index, nothing after it; not kept
   * @throws FormatError `FORMAT_*`, `FILE_LIST_*`
   */
  static decode(bytes: Buffer): FileListRuns {
    const { batchCount, entryCount, fileListBytes } = checkIndexHead(bytes)
    // An entry takes at least 19 bytes.
    if (batchCount * (ENTRY_FIXED_BYTES + 1) > bytes.length)
      throw fault(20, `an index of ${batchCount} batches`)
    const runs = batchCount
    const offsets = new Float64Array(runs + 1)
    const pathStarts = new Uint32Array(runs + 1)
    // The first paths, one after the other, before they are copied to memory of their own.
    const places = new Uint32Array(runs * 2)
    const stop = bytes.length - CHECKSUM_BYTES
    let at = FIXED_BYTES
    let end = batchCount === 0 ? fileListBytes : Number(bytes.readBigUInt64LE(at))
    // A reader takes what stands before the first batch for the list's header, and reads it whole.
    if (!(end <= MAX_HEADER_BYTES)) throw fault(at, `a header of ${end} bytes`)
    let entries = 0
    let pathBytes = 0
    for (let number = 0; number < batchCount; number++) {
      const start = at + ENTRY_FIXED_BYTES
      if (start > stop) throw fault(at, 'an index entry is longer than the index')
      const length = bytes.readUInt16LE(at + 16)
      if (length === 0 || start + length > stop) throw fault(at, 'an index entry is longer than the index')
      const offset = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
      if (offset !== end) throw fault(at, 'batches do not follow one another')
      const byteLength = bytes.readUInt32LE(at + 8)
      if (byteLength <= BATCH_FIXED_BYTES || byteLength > MAX_BATCH_BYTES)
        throw fault(at, `a batch of ${byteLength} bytes`)
      entries += bytes.readUInt32LE(at + 12)
      const path = bytes.subarray(start, start + length)
      if (number > 0) {
        const before = places[number * 2 - 2] as number
        if (comparePaths(bytes.subarray(before, before + (places[number * 2 - 1] as number)), path) >= 0)
          throw fault(at, 'batches do not ascend')
      }
      offsets[number] = offset
      places[number * 2] = start
      places[number * 2 + 1] = length
      pathStarts[number] = pathBytes
      pathBytes += length
      end += byteLength
      at = start + length
    }
    if (at !== stop) throw fault(at, 'the index holds more than its batches')
    if (entries !== entryCount) throw fault(24, `${entries} entries, not ${entryCount}`)
    if (end !== fileListBytes) throw fault(32, 'batches do not end with the list')
    offsets[runs] = end
    pathStarts[runs] = pathBytes
    const paths = Buffer.allocUnsafeSlow(pathBytes)
    for (let run = 0; run < runs; run++) {
      const start = places[run * 2] as number
      bytes.copy(paths, pathStarts[run], start, start + (places[run * 2 + 1] as number))
    }
    return new FileListRuns({ entryCount, fileListBytes }, offsets, paths, pathStarts)
  }

  /** Where a run begins in the list; of the number behind the last, where the list ends. */
  offset(run: number): number {
    return this.#offsets[run] as number
  }

  /** Bytes of some runs. */
  byteLength(first: number, end: number = first + 1): number {
    return this.offset(end) - this.offset(first)
  }

  /** The run that holds a path, if any does; −1 when the path is before all of the list. */
  find(path: Uint8Array): number {
    return this.#firstWhere((first) => comparePaths(first, path) > 0) - 1
  }

  /** The runs that may hold a directory's entry and all below it; their first and last ones hold others too. */
  subtree(directory: Uint8Array): BatchRange {
    const end = this.#firstWhere((first) => comparePaths(first, directory) > 0 && !isWithin(first, directory))
    return { first: Math.max(0, this.find(directory)), end }
  }

  /** Number of the first run of whose first path a condition holds that, once true, stays so. */
  #firstWhere(condition: (firstPath: Buffer) => boolean): number {
    let low = 0
    let high = this.runCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (condition(this.#paths.subarray(this.#pathStarts[middle], this.#pathStarts[middle + 1])))
        high = middle
      else low = middle + 1
    }
    return low
  }
}

function fault(offset: number, what: string): FormatError {
  return new FormatError('FILE_LIST_INVALID', offset, `The index of a file list is wrong: ${what}`)
}
