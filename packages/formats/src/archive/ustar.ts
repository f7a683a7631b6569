import { FormatError } from '../format-error.ts'
import { TAR_BLOCK_BYTES } from './member.ts'

/** Greatest number that 7 octal digits hold: mode, owner, device numbers of a ustar header. */
export const MAX_OCTAL_7 = 0o7777777
/** Greatest number that 11 octal digits hold: size and time of a ustar header. */
export const MAX_OCTAL_11 = 0o77777777777
/** Bytes of the name and of the link name field. */
export const NAME_BYTES = 100
/** Bytes of a user or group name field; one is kept for the final NUL. */
export const OWNER_NAME_BYTES = 32

/** Where each field of a ustar header block begins (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const FIELD = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  link: 157,
  magic: 257,
  userName: 265,
  groupName: 297,
  deviceMajor: 329,
  deviceMinor: 337,
  prefix: 345,
} as const

const MAGIC_AND_VERSION = Buffer.from('ustar\x0000', 'latin1')
const CHECKSUM_BYTES = 8
const ZERO = 0x30
const SPACE = 0x20

/** What the checksum field itself counts while the sum of a block is taken. */
export const CHECKSUM_SPACES: number = CHECKSUM_BYTES * SPACE

/** Eight octal digits: numbers up to here are taken apart with bits alone. */
const OCTAL_8 = 0o100000000

/**
 * Writes a number as octal digits with leading zeros; the NUL after it is there already, as the block was zeroed.
 *
 * @param target - buffer to write to
 * @param at - offset of the field
 * @param digits - number of digits, at most 16
 * @param value - 0–8^digits−1
 * @returns sum of the bytes written
 */
export function writeOctal(target: Uint8Array, at: number, digits: number, value: number): number {
  const high = Math.floor(value / OCTAL_8)
  const lowDigits = Math.min(digits, 8)
  const start = at + digits - lowDigits
  return (
    writeOctalBits(target, start, lowDigits, value - high * OCTAL_8) +
    writeOctalBits(target, at, digits - lowDigits, high)
  )
}

function writeOctalBits(target: Uint8Array, at: number, digits: number, value: number): number {
  let rest = value
  let sum = digits * ZERO
  for (let position = at + digits - 1; position >= at; position--) {
    const digit = rest & 7
    target[position] = ZERO + digit
    sum += digit
    rest >>>= 3
  }
  return sum
}

/**
 * Writes the magic and version of POSIX.
 *
 * @param target - buffer that holds the block
 * @param at - offset of the block
 */
export function writeMagic(target: Buffer, at: number): void {
  target.set(MAGIC_AND_VERSION, at + FIELD.magic)
}

/**
 * Writes the checksum of a header block: the last step of making one.
 *
 * @param target - buffer that holds the block
 * @param at - offset of the block
 * @param sum - of all bytes of the block, {@link CHECKSUM_SPACES} for the field itself
 */
export function writeChecksum(target: Buffer, at: number, sum: number): void {
  writeOctal(target, at + FIELD.checksum, 6, sum)
  target[at + FIELD.checksum + 6] = 0
  target[at + FIELD.checksum + 7] = SPACE
}

/**
 * Whether a header block carries its own right checksum. Historical writers summed signed bytes; both are accepted.
 *
 * @param block - 512 bytes
 */
export function hasValidChecksum(block: Buffer): boolean {
  const afterChecksum = FIELD.checksum + CHECKSUM_BYTES
  let sum = CHECKSUM_BYTES * SPACE
  for (let index = 0; index < FIELD.checksum; index++) sum += block[index] as number
  for (let index = afterChecksum; index < TAR_BLOCK_BYTES; index++) sum += block[index] as number
  const stored = readOctal(block, FIELD.checksum, CHECKSUM_BYTES)
  return stored === sum || stored === sum - 256 * negativeBytes(block, afterChecksum)
}

/** The bytes that were summed last, and their memory by words: blocks follow one another in one piece. */
let summed: Buffer | undefined
let words: Uint32Array = new Uint32Array(0)

/**
 * Sum of the bytes of a header block, of its checksum field as spaces: what its checksum has to be.
 *
 * @param bytes - buffer
 * @param at - where the block begins
 */
export function blockSum(bytes: Buffer, at: number): number {
  const start = bytes.byteOffset + at
  let sum = CHECKSUM_SPACES
  for (let index = at + FIELD.checksum; index < at + FIELD.checksum + CHECKSUM_BYTES; index++)
    sum -= bytes[index] as number
  if ((start & 3) !== 0) {
    for (let index = at; index < at + TAR_BLOCK_BYTES; index++) sum += bytes[index] as number
    return sum
  }
  if (bytes !== summed) {
    // Asking where bytes lie takes longer than summing a block.
    const { buffer } = bytes
    if (words.buffer !== buffer) words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2)
    summed = bytes
  }
  // Two sums of 16 bits side by side: each is of 256 bytes, and so fits.
  let pairs = 0
  for (let index = start >>> 2; index < (start + TAR_BLOCK_BYTES) >>> 2; index++) {
    const word = words[index] as number
    pairs = (pairs + (word & 0xff00ff) + ((word >>> 8) & 0xff00ff)) | 0
  }
  return sum + (pairs & 0xffff) + (pairs >>> 16)
}

/** Bytes outside the checksum that are below zero where they are taken as signed. */
function negativeBytes(block: Buffer, afterChecksum: number): number {
  let count = 0
  for (let index = 0; index < FIELD.checksum; index++) count += (block[index] as number) >> 7
  for (let index = afterChecksum; index < TAR_BLOCK_BYTES; index++) count += (block[index] as number) >> 7
  return count
}

/**
 * Reads a number field: octal digits, or base-256 as GNU tar writes what octal cannot hold.
 *
 * @param block - header block
 * @param at - offset of the field
 * @param length - bytes of the field
 * @param blockOffset - stream offset of the block, for the error
 * @returns a safe integer, negative where base-256 says so
 * @throws FormatError `ARCHIVE_INVALID` - not a number, or beyond 2^53
 */
export function readNumber(block: Buffer, at: number, length: number, blockOffset: number): number {
  const first = block[at] ?? 0
  const value = first >= 0x80 ? readBase256(block, at, length) : readOctal(block, at, length)
  if (value === undefined || !Number.isSafeInteger(value))
    throw new FormatError('ARCHIVE_INVALID', blockOffset + at, 'A number field of a tar header is no number')
  return value
}

function readBase256(block: Buffer, at: number, length: number): number | undefined {
  const first = block[at] ?? 0
  const negative = (first & 0x40) !== 0
  let value = BigInt(negative ? (first & 0x7f) - 0x80 : first & 0x3f)
  for (let index = at + 1; index < at + length; index++) value = value * 256n + BigInt(block[index] ?? 0)
  return Number(value)
}

function readOctal(block: Buffer, at: number, length: number): number | undefined {
  let index = at
  const end = at + length
  while (index < end && block[index] === SPACE) index++
  let value = 0
  for (; index < end; index++) {
    const byte = block[index] ?? 0
    if (byte === 0 || byte === SPACE) break
    const digit = byte - ZERO
    if (digit < 0 || digit > 7) return undefined
    value = value * 8 + digit
  }
  return value
}

/**
 * Reads a text field up to its NUL or its end.
 *
 * @param block - header block
 * @param at - offset of the field
 * @param length - bytes of the field
 * @returns a copy
 */
export function readBytes(block: Buffer, at: number, length: number): Buffer {
  return Buffer.from(block.subarray(at, endOfText(block, at, length)))
}

/** Where the text of a field ends: at its NUL, or with the field. */
export function endOfText(block: Buffer, at: number, length: number): number {
  let end = at
  while (end < at + length && block[end] !== 0) end++
  return end
}
