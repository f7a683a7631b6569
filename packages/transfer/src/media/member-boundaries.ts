import { NbError } from '@nb/contracts'
import { MAX_EXTENDED_HEADER_BYTES, TAR_BLOCK_BYTES, paddingOf } from '@nb/formats'

const SIZE_AT = 124
const SIZE_BYTES = 12
const CHECKSUM_AT = 148
const CHECKSUM_BYTES = 8
const TYPE_AT = 156
const SPACE = 0x20

const TYPE = { old: 0, file: 0x30, contiguous: 0x37, pax: 0x78, global: 0x67, longName: 0x4c, longLink: 0x4b }
/** Hard link, symlink, devices, directory, fifo: no data follows their header. */
const withoutData = new Set([0x31, 0x32, 0x33, 0x34, 0x35, 0x36])

/**
 * Follows the chain of headers of an archive stream, just closely enough to know where members begin: sizes are read,
 * data is stepped over. After an error it is of no further use.
 */
export class MemberBoundaries {
  readonly #header = Buffer.alloc(TAR_BLOCK_BYTES)
  #headerFill = 0
  #extended: Buffer | undefined
  #extendedFill = 0
  /** Data or padding still to be stepped over. */
  #skip = 0
  /** Whether extended headers have come whose member has not. */
  #inChain = false
  #paxSize: number | undefined
  #streamOffset: number

  /** @param streamOffset - where the first byte is in the stream; a member begins there */
  constructor(streamOffset = 0) {
    this.#streamOffset = streamOffset
  }

  /** Whether the next byte is a member's first one; true at the very start. */
  get atBoundary(): boolean {
    return this.#headerFill === 0 && this.#skip === 0 && this.#extended === undefined && !this.#inChain
  }

  /** Where the next byte is in the stream. */
  get streamOffset(): number {
    return this.#streamOffset
  }

  /**
   * Follows `bytes`, to their end or to the first boundary that has at least `least` of them (and at least one)
   * before it; says how many that was. Throws `archive-corrupt` where no header stands though one must.
   */
  advance(bytes: Buffer, least: number): number {
    let at = 0
    while (at < bytes.length) {
      at += this.#step(bytes, at)
      if (at >= least && this.atBoundary) break
    }
    this.#streamOffset += at
    return at
  }

  #step(bytes: Buffer, at: number): number {
    const available = bytes.length - at
    if (this.#extended !== undefined) return this.#collectExtended(this.#extended, bytes, at)
    if (this.#skip > 0) {
      const count = Math.min(available, this.#skip)
      this.#skip -= count
      return count
    }
    const count = Math.min(available, TAR_BLOCK_BYTES - this.#headerFill)
    if (count === TAR_BLOCK_BYTES) this.#onHeader(bytes.subarray(at, at + TAR_BLOCK_BYTES), at)
    else {
      bytes.copy(this.#header, this.#headerFill, at, at + count)
      this.#headerFill += count
      if (this.#headerFill === TAR_BLOCK_BYTES) {
        this.#headerFill = 0
        this.#onHeader(this.#header, at)
      }
    }
    return count
  }

  #onHeader(header: Buffer, at: number): void {
    if (!hasGoodChecksum(header)) throw this.#fault(at, 'No tar header stands where a member must begin')
    const type = header[TYPE_AT] ?? 0
    const declared = readSize(header)
    if (declared === undefined) throw this.#fault(at, 'A tar header has no size')
    if (type === TYPE.pax) {
      if (declared > MAX_EXTENDED_HEADER_BYTES) throw this.#fault(at, 'An extended header is too long')
      this.#inChain = true
      this.#extended = declared === 0 ? undefined : Buffer.allocUnsafe(declared)
      this.#extendedFill = 0
    } else if (type === TYPE.global || type === TYPE.longName || type === TYPE.longLink) {
      this.#inChain = true
      this.#skip = declared + paddingOf(declared)
    } else {
      const known = type === TYPE.old || type === TYPE.file || type === TYPE.contiguous
      if (!known && !withoutData.has(type)) throw this.#fault(at, `A member is of the unknown kind ${type}`)
      const stored = known ? (this.#paxSize ?? declared) : 0
      this.#inChain = false
      this.#paxSize = undefined
      this.#skip = stored + paddingOf(stored)
    }
  }

  #collectExtended(body: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(bytes.length - at, body.length - this.#extendedFill)
    bytes.copy(body, this.#extendedFill, at, at + count)
    this.#extendedFill += count
    if (this.#extendedFill < body.length) return count
    this.#extended = undefined
    this.#skip = paddingOf(body.length)
    const size = findPaxSize(body)
    if (size === 'invalid') throw this.#fault(at, 'A pax header cannot be read')
    this.#paxSize = size ?? this.#paxSize
    return count
  }

  #fault(at: number, what: string): NbError {
    const streamOffset = this.#streamOffset + at
    return new NbError(
      'archive-corrupt',
      `What the client sent is no archive: ${what} (byte ${streamOffset} of the stream).`,
      {
        details: { streamOffset },
      },
    )
  }
}

/** The sum of all bytes, its own field taken as spaces. */
function hasGoodChecksum(header: Buffer): boolean {
  let sum = CHECKSUM_BYTES * SPACE
  for (let at = 0; at < CHECKSUM_AT; at++) sum += header[at] as number
  for (let at = CHECKSUM_AT + CHECKSUM_BYTES; at < TAR_BLOCK_BYTES; at++) sum += header[at] as number
  return readOctal(header, CHECKSUM_AT, CHECKSUM_BYTES) === sum
}

/** Octal, or (first bit set) a binary number, as GNU tar and POSIX agree. */
function readSize(header: Buffer): number | undefined {
  const lead = header[SIZE_AT] as number
  if ((lead & 0x80) === 0) return readOctal(header, SIZE_AT, SIZE_BYTES)
  let size = lead & 0x7f
  for (let at = SIZE_AT + 1; at < SIZE_AT + SIZE_BYTES; at++) size = size * 256 + (header[at] as number)
  return Number.isSafeInteger(size) ? size : undefined
}

function readOctal(header: Buffer, at: number, length: number): number | undefined {
  let value = 0
  let digits = 0
  for (let index = at; index < at + length; index++) {
    const byte = header[index] as number
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + (byte - 0x30)
      digits += 1
    } else if (byte !== SPACE || digits > 0) {
      if (byte !== 0 && byte !== SPACE) return undefined
      break
    }
  }
  return value
}

/** The value of the record `size`, if there is one. Records are `LENGTH KEY=VALUE\n`. */
function findPaxSize(body: Buffer): number | undefined | 'invalid' {
  let found: number | undefined
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(SPACE, at)
    if (space === -1 || space === at || space - at > 8) return 'invalid'
    const length = Number(body.toString('latin1', at, space))
    if (!Number.isSafeInteger(length) || length < space - at + 4 || at + length > body.length)
      return 'invalid'
    if (body.toString('latin1', space + 1, space + 6) === 'size=') {
      const size = Number(body.toString('latin1', space + 6, at + length - 1))
      if (!Number.isSafeInteger(size) || size < 0) return 'invalid'
      found = size
    }
    at += length
  }
  return found
}
