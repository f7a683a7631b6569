import { type Instant, timeNsOf } from '../instant.ts'
import type { ArchiveMember } from './member.ts'
import { TAR_BLOCK_BYTES } from './member.ts'
import { FIELD, NAME_BYTES, blockSum } from './ustar.ts'

const SLASH = 0x2f
const ZERO = 0x30
const SPACE = 0x20
const NEWLINE = 0x0a
const POINT = 0x2e
const PAX = 0x78
const REGULAR = 0x30
const LETTER = { a: 0x61, c: 0x63, m: 0x6d } as const
const TIME = Buffer.from('time=')
const NO_PATH = Buffer.alloc(0)
/** Extended header, its body, the member's own header. */
const BLOCKS = 3

/** Bytes of the headers that {@link readPlainFile} reads. */
export const PLAIN_FILE_BYTES: number = BLOCKS * TAR_BLOCK_BYTES

/** A file as a restore needs it, without path and names; its times as pairs of numbers until someone asks for more. */
class PlainFile implements ArchiveMember {
  readonly path: Buffer = NO_PATH
  readonly kind = 'file'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly mtime: Instant
  readonly atime: Instant

  constructor(fields: Pick<PlainFile, 'mode' | 'uid' | 'gid' | 'sizeBytes' | 'mtime' | 'atime'>) {
    this.mode = fields.mode
    this.uid = fields.uid
    this.gid = fields.gid
    this.sizeBytes = fields.sizeBytes
    this.mtime = fields.mtime
    this.atime = fields.atime
  }

  get mtimeNs(): bigint {
    return timeNsOf(this.mtime)
  }

  get atimeNs(): bigint {
    return timeNsOf(this.atime)
  }
}

/**
 * Reads the headers of a member as nearly every one of an image is: a regular file of which an extended header tells the times and
 * nothing else.
 *
 * @param bytes - at least {@link PLAIN_FILE_BYTES} from `at` on
 * @param at - where a header block begins
 * @returns the member; undefined for all that is in any way different, which has to be read as usual
 */
export function readPlainFile(bytes: Buffer, at: number): ArchiveMember | undefined {
  const header = at + 2 * TAR_BLOCK_BYTES
  if (bytes[at + FIELD.type] !== PAX || bytes[header + FIELD.type] !== REGULAR) return undefined
  const bodyBytes = octal(bytes, at + FIELD.size, 11)
  if (bodyBytes < 1 || bodyBytes > TAR_BLOCK_BYTES) return undefined
  const mode = octal(bytes, header + FIELD.mode, 7)
  const uid = octal(bytes, header + FIELD.uid, 7)
  const gid = octal(bytes, header + FIELD.gid, 7)
  const sizeBytes = octal(bytes, header + FIELD.size, 11)
  const seconds = octal(bytes, header + FIELD.mtime, 11)
  if (mode < 0 || uid < 0 || gid < 0 || sizeBytes < 0 || seconds < 0) return undefined
  if (isNamedAsDirectory(bytes, header)) return undefined
  if (!isSealed(bytes, at) || !isSealed(bytes, header)) return undefined
  let mtime: Instant = { seconds, nanos: 0 }
  let atime: Instant | undefined
  const end = at + TAR_BLOCK_BYTES + bodyBytes
  for (let position = at + TAR_BLOCK_BYTES; position < end;) {
    const value = timeRecord(bytes, position, end)
    if (value < 0) return undefined
    const stop = recordEnd(bytes, position, end)
    if (stop < 0) return undefined
    const time = usualTime(bytes, value, stop - 1)
    if (time === undefined) return undefined
    const letter = bytes[value - TIME.length - 1]
    if (letter === LETTER.m) mtime = time
    else if (letter === LETTER.a) atime = time
    else if (letter !== LETTER.c) return undefined
    position = stop
  }
  if (atime === undefined) return undefined
  return new PlainFile({ mode: mode & 0o7777, uid, gid, sizeBytes, mtime, atime })
}

/** Where the value of a record `NN xtime=…` begins; −1 for any other record. */
function timeRecord(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== SPACE) at++
  // The keyword's letter stands between.
  const word = at + 2
  if (word + TIME.length > end) return -1
  for (let index = 0; index < TIME.length; index++) if (bytes[word + index] !== TIME[index]) return -1
  return word + TIME.length
}

/** Where a record ends by its own length; −1 where that is none, or does not end with a line. */
function recordEnd(bytes: Buffer, start: number, end: number): number {
  let length = 0
  for (let at = start; bytes[at] !== SPACE; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (digit < 0 || digit > 9 || at - start > 4) return -1
    length = length * 10 + digit
  }
  const stop = start + length
  return length > 0 && stop <= end && bytes[stop - 1] === NEWLINE ? stop : -1
}

/** Up to ten digits of seconds and nine behind the point. */
function usualTime(bytes: Buffer, from: number, to: number): Instant | undefined {
  const point = to - 10
  if (point - from < 1 || point - from > 10 || bytes[point] !== POINT) return undefined
  const seconds = decimal(bytes, from, point)
  const nanos = decimal(bytes, point + 1, to)
  return seconds < 0 || nanos < 0 ? undefined : { seconds, nanos }
}

function decimal(bytes: Buffer, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** A field of just so many octal digits and a NUL; −1 for any other form. */
function octal(bytes: Buffer, at: number, digits: number): number {
  let value = 0
  for (let index = at; index < at + digits; index++) {
    const digit = (bytes[index] as number) - ZERO
    if (digit < 0 || digit > 7) return -1
    value = value * 8 + digit
  }
  return bytes[at + digits] === 0 ? value : -1
}

/** Before tar knew of directories they were files whose name ends in a slash. */
function isNamedAsDirectory(bytes: Buffer, header: number): boolean {
  let end = header + FIELD.name
  while (end < header + NAME_BYTES && bytes[end] !== 0) end++
  return end === header || bytes[end - 1] === SLASH
}

function isSealed(bytes: Buffer, at: number): boolean {
  return octal(bytes, at + FIELD.checksum, 6) === blockSum(bytes, at)
}
