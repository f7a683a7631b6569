import { FormatError } from '../format-error.ts'
import { comparePaths, isWithin, rank } from './path-order.ts'
import { checkIndexHead, type BatchRange } from './sparse-index.ts'
import { BATCH_FIXED_BYTES, MAX_BATCH_BYTES, MAX_HEADER_BYTES } from './frame.ts'
import { CHECKSUM_BYTES } from '../checksum.ts'

const FIXED_BYTES = 40
const ENTRY_FIXED_BYTES = 18

/**
 * The index of a file list as lookups hold it: where each run of batches, one entry of the index, is and with which path it begins. It
 * is the bytes at rest and where entries begin in them, so that a server that has just been started answers soon.
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
  readonly #bytes: Buffer
  readonly #view: DataView
  /** Where the entry of each run begins; behind them where the last ends. */
  readonly #starts: Uint32Array

  private constructor(
    facts: { readonly entryCount: number; readonly fileListBytes: number },
    bytes: Buffer,
    view: DataView,
    starts: Uint32Array,
  ) {
    this.runCount = starts.length - 1
    this.entryCount = facts.entryCount
    this.fileListBytes = facts.fileListBytes
    this.#bytes = bytes
    this.#view = view
    this.#starts = starts
    this.memoryBytes = bytes.length + starts.byteLength + 500
  }

  /**
   * Makes it from an index at rest.
   *
   * @param bytes - the whole index, nothing after it; kept
   * @throws FormatError `FORMAT_*`, `FILE_LIST_*`
   */
  static decode(bytes: Buffer): FileListRuns {
    const { batchCount, entryCount, fileListBytes } = checkIndexHead(bytes)
    // An entry takes at least 19 bytes.
    if (batchCount * (ENTRY_FIXED_BYTES + 1) > bytes.length)
      throw fault(20, `an index of ${batchCount} batches`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const starts = new Uint32Array(batchCount + 1)
    const stop = bytes.length - CHECKSUM_BYTES
    let at = FIXED_BYTES
    let end = batchCount === 0 ? fileListBytes : offsetAt(view, at)
    // A reader takes what stands before the first batch for the list's header, and reads it whole.
    if (!(end <= MAX_HEADER_BYTES)) throw fault(at, `a header of ${end} bytes`)
    let entries = 0
    let before = 0
    for (let number = 0; number < batchCount; number++) {
      const path = at + ENTRY_FIXED_BYTES
      const next = path > stop ? path : path + view.getUint16(at + 16, true)
      if (next > stop || next === path) throw fault(at, 'an index entry is longer than the index')
      if (offsetAt(view, at) !== end) throw fault(at, 'batches do not follow one another')
      const byteLength = view.getUint32(at + 8, true)
      if (byteLength <= BATCH_FIXED_BYTES || byteLength > MAX_BATCH_BYTES)
        throw fault(at, `a batch of ${byteLength} bytes`)
      entries += view.getUint32(at + 12, true)
      if (number > 0 && !ascends(bytes, before, at, path, next)) throw fault(at, 'batches do not ascend')
      starts[number] = at
      before = path
      end += byteLength
      at = next
    }
    if (at !== stop) throw fault(at, 'the index holds more than its batches')
    if (entries !== entryCount) throw fault(24, `${entries} entries, not ${entryCount}`)
    if (end !== fileListBytes) throw fault(32, 'batches do not end with the list')
    starts[batchCount] = at
    return new FileListRuns({ entryCount, fileListBytes }, bytes, view, starts)
  }

  /** Where a run begins in the list; of the number behind the last, where the list ends. */
  offset(run: number): number {
    return run === this.runCount ? this.fileListBytes : offsetAt(this.#view, this.#starts[run] as number)
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
      const path = (this.#starts[middle] as number) + ENTRY_FIXED_BYTES
      if (condition(this.#bytes.subarray(path, this.#starts[middle + 1]))) high = middle
      else low = middle + 1
    }
    return low
  }
}

function offsetAt(view: DataView, entry: number): number {
  return view.getUint32(entry, true) + view.getUint32(entry + 4, true) * 2 ** 32
}

/** Whether two paths, both among `bytes`, are in the order of {@link comparePaths}, and not equal. */
function ascends(bytes: Buffer, first: number, firstEnd: number, second: number, secondEnd: number): boolean {
  const length = Math.min(firstEnd - first, secondEnd - second)
  let shared = 0
  while (shared < length && bytes[first + shared] === bytes[second + shared]) shared++
  return shared === length
    ? firstEnd - first < secondEnd - second
    : rank(bytes[first + shared]) < rank(bytes[second + shared])
}

function fault(offset: number, what: string): FormatError {
  return new FormatError('FILE_LIST_INVALID', offset, `The index of a file list is wrong: ${what}`)
}
