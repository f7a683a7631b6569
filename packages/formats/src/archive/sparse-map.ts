import { FormatError } from '../format-error.ts'
import { MAX_SPARSE_REGIONS, TAR_BLOCK_BYTES, paddingOf } from './member.ts'
import type { DataRegion } from './member.ts'
import { writeDecimal } from './pax.ts'

const NEWLINE = 0x0a
const ZERO = 0x30
const MAX_NUMBER_DIGITS = 16

/**
 * Widens data regions to whole tar blocks and merges those that then touch, as `ArchiveMember.sparse` wants them.
 * A little of a hole becomes data and is stored as the zeros it reads as.
 *
 * @param regions - data regions as the file system tells them, ascending
 * @param sizeBytes - logical size of the file
 */
export function alignRegions(regions: readonly DataRegion[], sizeBytes: number): DataRegion[] {
  const aligned: DataRegion[] = []
  for (const { offset, length } of regions) {
    if (length === 0 || offset >= sizeBytes) continue
    const start = offset - (offset % TAR_BLOCK_BYTES)
    const end = Math.min(offset + length + paddingOf(offset + length), sizeBytes)
    const last = aligned.at(-1)
    if (last !== undefined && start <= last.offset + last.length)
      aligned[aligned.length - 1] = {
        offset: last.offset,
        length: Math.max(end, last.offset + last.length) - last.offset,
      }
    else aligned.push({ offset: start, length: end - start })
  }
  return aligned
}

/**
 * Upper bound of the bytes of a GNU sparse 1.0 map, padding included.
 *
 * @param regionCount - number of data regions
 */
export function maxSparseMapBytes(regionCount: number): number {
  const text = MAX_NUMBER_DIGITS + 1 + (regionCount + 1) * 2 * (MAX_NUMBER_DIGITS + 1)
  return Math.ceil(text / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
}

/**
 * Writes the map of GNU sparse 1.0: the count, then offset and length of each region, a line each, padded to a block.
 * A file that ends in a hole gets a last region of no bytes at its end, for GNU tar sets the size from it.
 *
 * @param target - buffer to write to
 * @param at - offset to write at
 * @param regions - data regions, ascending
 * @param realSizeBytes - logical size of the file
 * @returns offset after the padding
 */
export function writeSparseMap(
  target: Buffer,
  at: number,
  regions: readonly DataRegion[],
  realSizeBytes: number,
): number {
  const last = regions.at(-1)
  const endsInHole = last === undefined || last.offset + last.length < realSizeBytes
  let position = writeLine(target, at, regions.length + (endsInHole ? 1 : 0))
  for (const region of regions) {
    position = writeLine(target, position, region.offset)
    position = writeLine(target, position, region.length)
  }
  if (endsInHole) {
    position = writeLine(target, position, realSizeBytes)
    position = writeLine(target, position, 0)
  }
  const end = at + Math.ceil((position - at) / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
  target.fill(0, position, end)
  return end
}

function writeLine(target: Buffer, at: number, value: number): number {
  const end = writeDecimal(target, at, value)
  target[end] = NEWLINE
  return end + 1
}

/** Reads a GNU sparse 1.0 map block by block; memory grows with the bytes that came, never with the count claimed. */
export class SparseMapReader {
  readonly #regions: DataRegion[] = []
  #numbersWanted = 1
  #numbersSeen = 0
  #value = 0
  #digits = 0
  #offset = 0

  /** The regions so far; complete when {@link SparseMapReader.push} said so. */
  get regions(): readonly DataRegion[] {
    return this.#regions
  }

  /**
   * Takes the next block of the map.
   *
   * @param block - 512 bytes
   * @param blockOffset - its stream offset, for errors
   * @returns whether the map is complete
   * @throws FormatError `ARCHIVE_INVALID` or `ARCHIVE_LIMIT`
   */
  push(block: Buffer, blockOffset: number): boolean {
    for (let index = 0; index < block.length; index++) {
      const byte = block[index] ?? 0
      const digit = byte - ZERO
      if (digit >= 0 && digit <= 9 && this.#digits < MAX_NUMBER_DIGITS) {
        this.#value = this.#value * 10 + digit
        this.#digits++
      } else if (byte === NEWLINE && this.#digits > 0) {
        this.#number(this.#value, blockOffset + index)
        if (this.#numbersSeen === this.#numbersWanted) return true
        this.#value = 0
        this.#digits = 0
      } else {
        throw new FormatError('ARCHIVE_INVALID', blockOffset + index, 'A sparse map holds something else')
      }
    }
    return false
  }

  #number(value: number, offset: number): void {
    if (this.#numbersSeen === 0) {
      if (value > MAX_SPARSE_REGIONS + 1)
        throw new FormatError('ARCHIVE_LIMIT', offset, `A sparse map claims ${value} regions`)
      this.#numbersWanted = 1 + 2 * value
    } else if (this.#numbersSeen % 2 === 1) this.#offset = value
    else this.#regions.push({ offset: this.#offset, length: value })
    this.#numbersSeen++
  }
}

/**
 * Checks that regions ascend, stay within the file and sum up to the bytes stored; drops those without bytes.
 *
 * @param regions - regions as they were read
 * @param realSizeBytes - logical size of the file
 * @param storedBytes - bytes of data stored
 * @param offset - stream offset, for the error
 * @throws FormatError `ARCHIVE_INVALID`
 */
export function checkedRegions(
  regions: readonly DataRegion[],
  realSizeBytes: number,
  storedBytes: number,
  offset: number,
): DataRegion[] {
  let end = 0
  let stored = 0
  for (const region of regions) {
    if (region.offset < end || region.offset + region.length > realSizeBytes)
      throw new FormatError(
        'ARCHIVE_INVALID',
        offset,
        'A sparse map has regions out of order or out of the file',
      )
    end = region.offset + region.length
    stored += region.length
  }
  if (stored !== storedBytes)
    throw new FormatError(
      'ARCHIVE_INVALID',
      offset,
      `A sparse map tells of ${stored} bytes, not ${storedBytes}`,
    )
  return regions.filter((region) => region.length > 0)
}
