import { FormatError } from '../format-error.ts'
import type { Instant } from '../instant.ts'

/** One record of a pax extended header. */
export interface PaxRecord {
  /** Keyword, bytes read as latin1. */
  readonly keyword: string
  /** Value: a view of the header's bytes. */
  readonly value: Buffer
}

const SPACE = 0x20
const EQUALS = 0x3d
const NEWLINE = 0x0a
const ZERO = 0x30
const POINT = 0x2e
const NANOSECONDS = 1_000_000_000n
const GIGA = 1_000_000_000
const MAX_LENGTH_DIGITS = 9

/**
 * Length of a pax record, which counts its own length field: `27 mtime=1.000000001\n`.
 *
 * @param keywordBytes - bytes of the keyword
 * @param valueBytes - bytes of the value
 */
export function paxRecordBytes(keywordBytes: number, valueBytes: number): number {
  const rest = keywordBytes + valueBytes + 3
  // Nearly every record has two digits of length.
  if (rest > 8 && rest < 98) return rest + 2
  let total = rest + 1
  while (total !== rest + decimalDigits(total)) total = rest + decimalDigits(total)
  return total
}

/**
 * Writes everything of a record but its value and final newline.
 *
 * @param target - buffer to write to
 * @param at - offset to write at
 * @param keyword - keyword, one byte a character
 * @param valueBytes - bytes of the value that the caller writes next, followed by {@link endPaxRecord}
 * @returns offset of the value
 */
export function beginPaxRecord(target: Buffer, at: number, keyword: string, valueBytes: number): number {
  let position = writeDecimal(target, at, paxRecordBytes(keyword.length, valueBytes))
  target[position++] = SPACE
  for (let index = 0; index < keyword.length; index++) target[position++] = keyword.charCodeAt(index)
  target[position++] = EQUALS
  return position
}

/**
 * Ends a record.
 *
 * @param target - buffer to write to
 * @param at - offset after the value
 * @returns offset after the record
 */
export function endPaxRecord(target: Buffer, at: number): number {
  target[at] = NEWLINE
  return at + 1
}

/**
 * Writes a record whose value is bytes.
 *
 * @returns offset after the record
 */
export function writePaxRecord(target: Buffer, at: number, keyword: string, value: Uint8Array): number {
  const position = beginPaxRecord(target, at, keyword, value.length)
  target.set(value, position)
  return endPaxRecord(target, position + value.length)
}

/**
 * Writes a record whose value is a whole number from 0.
 *
 * @returns offset after the record
 */
export function writePaxNumber(target: Buffer, at: number, keyword: string, value: number): number {
  const position = beginPaxRecord(target, at, keyword, decimalDigits(value))
  return endPaxRecord(target, writeDecimal(target, position, value))
}

/**
 * Writes a record whose value is a time: seconds and nine digits, exact; a time before 1970 is the negative decimal
 * number that POSIX asks for (−0.5 s is `-0.500000000`).
 *
 * @returns offset after the record
 */
export function writePaxTime(target: Buffer, at: number, keyword: string, time: Instant): number {
  const negative = time.seconds < 0
  const borrow = negative && time.nanos > 0
  const seconds = borrow ? -time.seconds - 1 : Math.abs(time.seconds)
  const fraction = borrow ? 1_000_000_000 - time.nanos : time.nanos
  let position = beginPaxRecord(target, at, keyword, decimalDigits(seconds) + 10 + (negative ? 1 : 0))
  if (negative) target[position++] = 0x2d
  position = writeDecimal(target, position, seconds)
  target[position++] = 0x2e
  writeDigits(target, position, 9, fraction)
  return endPaxRecord(target, position + 9)
}

/**
 * Reads the records of an extended header, one by one so that a hostile header costs no memory.
 *
 * @param body - the header's data
 * @param bodyOffset - its stream offset, for errors
 * @throws FormatError `ARCHIVE_INVALID` - a record's length or shape is wrong
 */
export function* readPaxRecords(body: Buffer, bodyOffset: number): Generator<PaxRecord, void, undefined> {
  let position = 0
  while (position < body.length) {
    let length = 0
    let cursor = position
    while (cursor < body.length && body[cursor] !== SPACE && cursor - position < MAX_LENGTH_DIGITS) {
      const digit = (body[cursor] ?? 0) - ZERO
      if (digit < 0 || digit > 9) throw invalidRecord(bodyOffset + position)
      length = length * 10 + digit
      cursor++
    }
    const end = position + length
    if (body[cursor] !== SPACE || end > body.length || end <= cursor + 2 || body[end - 1] !== NEWLINE)
      throw invalidRecord(bodyOffset + position)
    const equals = body.indexOf(EQUALS, cursor + 1)
    if (equals === -1 || equals >= end || equals === cursor + 1) throw invalidRecord(bodyOffset + position)
    yield { keyword: keywordAt(body, cursor + 1, equals), value: body.subarray(equals + 1, end - 1) }
    position = end
  }
}

const MTIME = Buffer.from('mtime')

/** Most records are times of files: their keyword is known without making a string. */
function keywordAt(body: Buffer, from: number, to: number): string {
  if (to - from === MTIME.length && body.compare(MTIME, 0, MTIME.length, from, to) === 0) return 'mtime'
  return body.toString('latin1', from, to)
}

/**
 * Reads a whole number from 0 up to 2^53−1.
 *
 * @param value - decimal digits
 * @param offset - stream offset, for the error
 * @throws FormatError `ARCHIVE_INVALID` - anything else
 */
export function parsePaxNumber(value: Buffer, offset: number): number {
  const text = value.toString('latin1', 0, 20)
  const number = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(number) || value.length > 16)
    throw new FormatError('ARCHIVE_INVALID', offset, 'A number of an extended header is no number')
  return number
}

/**
 * Reads a time: an optional sign, seconds, an optional fraction, of which nine digits count.
 *
 * @param value - the text
 * @param offset - stream offset, for the error
 * @returns nanoseconds since 1970
 * @throws FormatError `ARCHIVE_INVALID` - anything else
 */
export function parsePaxTime(value: Buffer, offset: number): bigint {
  const usual = parseUsualTime(value)
  if (usual !== undefined) return usual
  const match = /^(-?)(\d{1,15})(?:\.(\d{0,40}))?$/.exec(value.toString('latin1', 0, 64))
  if (match === null || value.length > 64)
    throw new FormatError('ARCHIVE_INVALID', offset, 'A time of an extended header is no number')
  const fraction = (match[3] ?? '').slice(0, 9).padEnd(9, '0')
  const magnitude = BigInt(match[2] ?? '0') * NANOSECONDS + BigInt(fraction)
  return match[1] === '-' ? -magnitude : magnitude
}

/** A time as nearly every one is written: up to ten digits of seconds and nine behind the point. */
function parseUsualTime(value: Buffer): bigint | undefined {
  const point = value.length - 10
  if (point < 1 || point > 10 || value[point] !== POINT) return undefined
  let seconds = 0
  for (let index = 0; index < point; index++) {
    const digit = (value[index] as number) - ZERO
    if (digit < 0 || digit > 9) return undefined
    seconds = seconds * 10 + digit
  }
  let nanos = 0
  for (let index = point + 1; index < value.length; index++) {
    const digit = (value[index] as number) - ZERO
    if (digit < 0 || digit > 9) return undefined
    nanos = nanos * 10 + digit
  }
  return BigInt(seconds) * NANOSECONDS + BigInt(nanos)
}

/**
 * Number of decimal digits of a whole number from 0.
 *
 * @param value - the number
 */
export function decimalDigits(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}

/**
 * Writes a whole number from 0 in decimal digits.
 *
 * @returns offset after the digits
 */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  const digits = decimalDigits(value)
  if (digits <= 9) writeDigits(target, at, digits, value)
  else {
    const high = Math.floor(value / GIGA)
    writeDecimal(target, at, high)
    writeDigits(target, at + digits - 9, 9, value - high * GIGA)
  }
  return at + digits
}

/** Writes a number of at most nine digits, with leading zeros. */
function writeDigits(target: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value | 0
  for (let position = at + digits - 1; position >= at; position--) {
    const tenth = (rest / 10) | 0
    target[position] = ZERO + rest - tenth * 10
    rest = tenth
  }
}

function invalidRecord(offset: number): FormatError {
  return new FormatError('ARCHIVE_INVALID', offset, 'A record of an extended header is malformed')
}
