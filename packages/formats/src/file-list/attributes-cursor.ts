import type { MemberKind } from '../archive/member.ts'
import { TAR_BLOCK_BYTES } from '../archive/member.ts'
import { FormatError } from '../format-error.ts'
import { timeNsOf } from '../instant.ts'
import { CTIME, EXTRA, HEAD, KINDS, MAX_IMAGE_INDEX } from './attribute-head.ts'
import type { FileIdentity, FileRecord } from './record.ts'

const ALLOCATION_UNIT = 4096
const NANOSECONDS = 1_000_000_000
const TWO_32 = 2 ** 32
const TWO_16 = 2 ** 16
/** Seconds whose nanoseconds surely fit 64 bits: beyond, the slow way is taken. */
const SAFE_SECONDS = 2 ** 33
const FILE = KINDS.indexOf('file')
const HARDLINK = KINDS.indexOf('hardlink')
const SYMLINK = KINDS.indexOf('symlink')
const FIRST_DEVICE = KINDS.indexOf('character-device')
const UNKNOWN = -1
// Places of the numbers of 53 bits of an entry.
const SIZE_BYTES = 0
const ALLOCATED_BYTES = 1
const MEMBER_OFFSET = 2
const MEMBER_BYTES = 3
/** Where the last member of the entry's image ended. */
const NEXT_OFFSET = 4

const wide = new DataView(new ArrayBuffer(8))

/**
 * Steps through the attributes of a batch and holds those of one entry at a time, so that an entry that is only passed over costs no
 * object and no BigInt: numbers of 64 bits are kept as two signed halves of 32. Bigger ones than 31 bits are in arrays of their own, since
 * an object's field would hold each in a piece of memory.
 */
export class AttributesCursor {
  #bytes: Buffer = Buffer.alloc(0)
  #position = 0
  #end = 0
  #baseOffset = 0

  // The entry.
  readonly #wide = new Float64Array(5)
  #kind = 0
  #mode = 0
  #uid = 0
  #gid = 0
  #mtimeHigh = 0
  #mtimeLow = 0
  #ctimeHigh = 0
  #ctimeLow = 0
  #deviceHigh = 0
  #deviceLow = 0
  #inodeHigh = 0
  #inodeLow = 0
  #linkCount = 0
  #imageIndex = 0
  #flags = 0
  #linkStart = 0
  #linkEnd = 0
  #deviceMajor = 0
  #deviceMinor = 0
  #digestStart = UNKNOWN
  #digestEnd = 0

  // Where it lies.
  #headAt = 0
  #imageAt = 0
  #imageBytes = 0

  // What the last entry of each kind said, and where the last member of each image ended.
  readonly #modes = new Float64Array(KINDS.length)
  readonly #sizes = new Float64Array(KINDS.length)
  readonly #allocated = new Float64Array(KINDS.length)
  readonly #headers = new Float64Array(KINDS.length)
  readonly #linkCounts = new Float64Array(KINDS.length)
  /** The image of the entry before; where the last members of other images ended. */
  #offsetImage = 0
  readonly #otherOffsets = new Map<number, number>()

  // The signed number read last.
  #signedHigh = 0
  #signedLow = 0

  /** Begins with another batch. */
  open(bytes: Buffer, start: number, end: number, baseOffset: number): void {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
    this.#baseOffset = baseOffset
    this.#uid = this.#gid = this.#imageIndex = 0
    this.#mtimeHigh = this.#mtimeLow = this.#ctimeHigh = this.#ctimeLow = 0
    this.#deviceHigh = this.#deviceLow = this.#inodeHigh = this.#inodeLow = 0
    this.#modes.fill(0)
    this.#sizes.fill(0)
    this.#allocated.fill(UNKNOWN)
    this.#headers.fill(0)
    this.#linkCounts.fill(1)
    this.#offsetImage = 0
    this.#wide[NEXT_OFFSET] = 0
    this.#otherOffsets.clear()
  }

  /** What the entry is. */
  get kind(): MemberKind {
    return KINDS[this.#kind] as MemberKind
  }

  /** Permission bits. */
  get mode(): number {
    return this.#mode
  }

  /** Owner's number. */
  get uid(): number {
    return this.#uid
  }

  /** Group's number. */
  get gid(): number {
    return this.#gid
  }

  /** Number of its names. */
  get linkCount(): number {
    return this.#linkCount
  }

  /** What tells it from all other files, as a text that others of the list have only where they are the same file. */
  get identityKey(): string {
    const { device, inode } = this.#identity()
    return `${device}:${inode}`
  }

  /** Bytes that it takes; −1 where that is not known. */
  get allocatedBytes(): number {
    return this.#wide[ALLOCATED_BYTES] as number
  }

  /** Whether there is a digest of its content. */
  get hasDigest(): boolean {
    return this.#digestStart !== UNKNOWN
  }

  /** Where it begins in the batch: its head. */
  get headAt(): number {
    return this.#headAt
  }

  /** Where the number of its image is in the batch, or would be. */
  get imageAt(): number {
    return this.#imageAt
  }

  /** Bytes of that number; 0 where the image is that of the entry before. */
  get imageBytes(): number {
    return this.#imageBytes
  }

  /** Facts about its reading. */
  get flags(): number {
    return this.#flags
  }

  /** Where a link leads, a view of the batch; `undefined` for all else. */
  get linkTarget(): Buffer | undefined {
    if (this.#kind !== SYMLINK && this.#kind !== HARDLINK) return undefined
    return this.#bytes.subarray(this.#linkStart, this.#linkEnd)
  }

  /** Whether it stands for this device. */
  hasDevice(major: number, minor: number): boolean {
    return this.#kind >= FIRST_DEVICE && this.#deviceMajor === major && this.#deviceMinor === minor
  }

  /** Digest of its content, a view of the batch. */
  get digest(): Buffer | undefined {
    return this.#digestStart === UNKNOWN
      ? undefined
      : this.#bytes.subarray(this.#digestStart, this.#digestEnd)
  }

  /** Whether it is this file: device and inode, each as two halves of 32 bits without a sign. */
  hasIdentity(deviceHigh: number, deviceLow: number, inodeHigh: number, inodeLow: number): boolean {
    return (
      this.#inodeLow === (inodeLow | 0) &&
      this.#deviceLow === (deviceLow | 0) &&
      this.#inodeHigh === (inodeHigh | 0) &&
      this.#deviceHigh === (deviceHigh | 0)
    )
  }

  /** Whether it was changed at these very instants: whole seconds since 1970, and nanoseconds within. */
  hasTimes(mtimeSeconds: number, mtimeNanos: number, ctimeSeconds: number, ctimeNanos: number): boolean {
    return (
      isInstant(this.#mtimeHigh, this.#mtimeLow, mtimeSeconds, mtimeNanos) &&
      isInstant(this.#ctimeHigh, this.#ctimeLow, ctimeSeconds, ctimeNanos)
    )
  }

  /** Logical bytes. */
  get sizeBytes(): number {
    return this.#wide[SIZE_BYTES] as number
  }

  /** The image with its member. */
  get imageIndex(): number {
    return this.#imageIndex
  }

  /** Where its member begins. */
  get memberOffset(): number {
    return this.#wide[MEMBER_OFFSET] as number
  }

  /** Bytes of its member; 0 for none. */
  get memberBytes(): number {
    return this.#wide[MEMBER_BYTES] as number
  }

  /**
   * Goes on to the next entry.
   *
   * @throws FormatError `FILE_LIST_INVALID`
   */
  next(): void {
    this.#headAt = this.#position
    const head = this.#byte() | (this.#byte() << 8)
    const kind = head & HEAD.kindMask
    if (kind >= KINDS.length) throw this.#fault(`An entry of kind ${kind}`)
    this.#kind = kind
    const extra = head & HEAD.extra ? this.#byte() : 0
    if (extra > EXTRA.all || (head & HEAD.extra && extra === 0))
      throw this.#fault('An entry with unknown fields')
    if (kind === SYMLINK || kind === HARDLINK) this.#readLink()
    if (kind >= FIRST_DEVICE) {
      this.#deviceMajor = this.#unsigned()
      this.#deviceMinor = this.#unsigned()
    }
    const mode = head & HEAD.modeSame ? (this.#modes[kind] as number) : this.#unsigned()
    if (mode > 0o7777) throw this.#fault(`An entry with mode ${mode}`)
    this.#modes[kind] = this.#mode = mode
    if (!(head & HEAD.ownerSame)) {
      this.#uid = this.#unsigned()
      this.#gid = this.#unsigned()
    }
    this.#readSizes(head, kind)
    this.#readTimes(head)
    if (!(head & HEAD.deviceSame)) {
      this.#signed()
      this.#deviceHigh = this.#signedHigh
      this.#deviceLow = this.#signedLow
    }
    this.#signed()
    const inodeLow = (this.#inodeLow + this.#signedLow) | 0
    this.#inodeHigh = (this.#inodeHigh + this.#signedHigh + carryOf(inodeLow, this.#signedLow)) | 0
    this.#inodeLow = inodeLow
    if (head & HEAD.linkCountSame) this.#linkCount = this.#linkCounts[kind] as number
    else this.#linkCounts[kind] = this.#linkCount = this.#unsigned()
    this.#readPosition(head, kind)
    if (extra & EXTRA.digest) {
      const count = this.#byte()
      this.#digestStart = this.#position
      this.#digestEnd = this.#skip(count)
    } else this.#digestStart = UNKNOWN
    this.#flags = extra & EXTRA.flags ? this.#unsigned() : 0
    if (this.#position > this.#end) throw this.#fault('A batch ends inside an entry')
  }

  /**
   * The entry as a record; its bytes are views of the batch.
   *
   * @param path - its path, which is stored apart
   */
  record(path: Buffer): FileRecord {
    const kind = this.#kind
    const isLink = kind === SYMLINK || kind === HARDLINK
    const allocatedBytes = this.#wide[ALLOCATED_BYTES] as number
    return {
      path,
      kind: this.kind,
      mode: this.#mode,
      uid: this.#uid,
      gid: this.#gid,
      sizeBytes: this.sizeBytes,
      ...(allocatedBytes === UNKNOWN ? undefined : { allocatedBytes }),
      mtimeNs: signedOf(this.#mtimeHigh, this.#mtimeLow),
      ctimeNs: signedOf(this.#ctimeHigh, this.#ctimeLow),
      ...(isLink ? { linkTarget: this.#bytes.subarray(this.#linkStart, this.#linkEnd) } : undefined),
      ...(kind >= FIRST_DEVICE
        ? { deviceMajor: this.#deviceMajor, deviceMinor: this.#deviceMinor }
        : undefined),
      identity: this.#identity(),
      linkCount: this.#linkCount,
      imageIndex: this.#imageIndex,
      memberOffset: this.memberOffset,
      memberBytes: this.memberBytes,
      ...(this.#digestStart === UNKNOWN
        ? undefined
        : { digest: this.#bytes.subarray(this.#digestStart, this.#digestEnd) }),
      flags: this.#flags,
    }
  }

  #identity(): FileIdentity {
    return {
      device: unsignedOf(this.#deviceHigh, this.#deviceLow),
      inode: unsignedOf(this.#inodeHigh, this.#inodeLow),
    }
  }

  /** Checks that nothing is left. */
  finish(): void {
    if (this.#position !== this.#end) throw this.#fault('A batch holds more than its entries')
  }

  #readLink(): void {
    const start = (this.#linkStart = this.#position + this.#lengthAhead())
    const end = (this.#linkEnd = this.#position)
    let isUsable = end > start
    for (let at = start; at < end; at++) if (this.#bytes[at] === 0) isUsable = false
    if (!isUsable) throw this.#fault('A link without a usable target')
  }

  /** Passes over a length and so many bytes; gives the bytes that the length took. */
  #lengthAhead(): number {
    const before = this.#position
    const count = this.#unsigned()
    const taken = this.#position - before
    this.#skip(count)
    return taken
  }

  #readSizes(head: number, kind: number): void {
    const sizeBytes =
      (head & HEAD.sizeSame) === 0
        ? this.#unsigned()
        : kind === SYMLINK
          ? this.#linkEnd - this.#linkStart
          : (this.#sizes[kind] as number)
    this.#sizes[kind] = this.#wide[SIZE_BYTES] = sizeBytes
    const allocatedBytes =
      (head & HEAD.allocatedSame) === 0
        ? this.#unsigned() - 1
        : kind === FILE || kind === HARDLINK
          ? Math.ceil(sizeBytes / ALLOCATION_UNIT) * ALLOCATION_UNIT
          : (this.#allocated[kind] as number)
    this.#allocated[kind] = this.#wide[ALLOCATED_BYTES] = allocatedBytes
  }

  #readTimes(head: number): void {
    this.#signed()
    if (head & HEAD.mtimeSeconds) this.#setSeconds()
    else {
      const low = (this.#mtimeLow + this.#signedLow) | 0
      this.#mtimeHigh = (this.#mtimeHigh + this.#signedHigh + carryOf(low, this.#signedLow)) | 0
      this.#mtimeLow = low
    }
    const form = head >> HEAD.ctimeShift
    if (form === CTIME.equalsPrevious) return
    const fromPrevious = form === CTIME.fromPrevious
    const high = fromPrevious ? this.#ctimeHigh : this.#mtimeHigh
    const low = fromPrevious ? this.#ctimeLow : this.#mtimeLow
    if (form === CTIME.equalsMtime) {
      this.#ctimeHigh = high
      this.#ctimeLow = low
      return
    }
    this.#signed()
    const sum = (low + this.#signedLow) | 0
    this.#ctimeHigh = (high + this.#signedHigh + carryOf(sum, this.#signedLow)) | 0
    this.#ctimeLow = sum
  }

  /** The signed number is a difference to the whole seconds of the modification time before. */
  #setSeconds(): void {
    // Long division by digits of 16 bits: every step is exact.
    const upper = this.#mtimeHigh * TWO_16 + (this.#mtimeLow >>> 16)
    const quotient = Math.floor(upper / NANOSECONDS)
    const rest = (upper - quotient * NANOSECONDS) * TWO_16 + (this.#mtimeLow & 0xffff)
    const before = quotient * TWO_16 + Math.floor(rest / NANOSECONDS)
    const seconds = before + numberOf(this.#signedHigh, this.#signedLow)
    if (Math.abs(seconds) < SAFE_SECONDS) {
      const high = Math.floor(seconds / TWO_16)
      const lowProduct = (seconds - high * TWO_16) * NANOSECONDS
      const product = high * NANOSECONDS + Math.floor(lowProduct / TWO_16)
      this.#mtimeHigh = Math.floor(product / TWO_16) | 0
      this.#mtimeLow =
        ((product - Math.floor(product / TWO_16) * TWO_16) * TWO_16 + (lowProduct % TWO_16)) | 0
      return
    }
    const exact = (BigInt(before) + signedOf(this.#signedHigh, this.#signedLow)) * BigInt(NANOSECONDS)
    wide.setBigInt64(0, BigInt.asIntN(64, exact))
    this.#mtimeHigh = wide.getInt32(0)
    this.#mtimeLow = wide.getInt32(4)
  }

  #readPosition(head: number, kind: number): void {
    this.#imageAt = this.#position
    if (!(head & HEAD.imageSame)) this.#imageIndex = this.#unsigned()
    this.#imageBytes = this.#position - this.#imageAt
    const image = this.#imageIndex
    if (image > MAX_IMAGE_INDEX) throw this.#fault(`An entry in image ${image}`)
    if (image !== this.#offsetImage) this.#changeImage(image)
    const values = this.#wide
    let offset = values[NEXT_OFFSET] as number
    if (!(head & HEAD.offsetSame)) {
      this.#signed()
      offset += numberOf(this.#signedHigh, this.#signedLow)
    }
    const sizeBytes = values[SIZE_BYTES] as number
    const dataBytes =
      kind === FILE || kind === HARDLINK ? Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES : 0
    const memberBytes =
      head & HEAD.memberBytesSame ? (this.#headers[kind] as number) + dataBytes : this.#unsigned()
    if (!isCount(offset) || !isCount(offset + memberBytes))
      throw this.#fault('An entry with an impossible position')
    if (!isCount(sizeBytes + ALLOCATION_UNIT)) throw this.#fault('An entry with an impossible size')
    values[MEMBER_OFFSET] = offset
    values[MEMBER_BYTES] = memberBytes
    if (memberBytes >= dataBytes) this.#headers[kind] = memberBytes - dataBytes
    if (kind !== HARDLINK) values[NEXT_OFFSET] = offset + memberBytes
  }

  #changeImage(image: number): void {
    this.#otherOffsets.set(this.#offsetImage, this.#wide[NEXT_OFFSET] as number)
    this.#offsetImage = image
    this.#wide[NEXT_OFFSET] = this.#otherOffsets.get(image) ?? 0
  }

  #fault(message: string): FormatError {
    return new FormatError('FILE_LIST_INVALID', this.#baseOffset + this.#position, message)
  }

  /** What lies behind the section is read too: whether the entry goes beyond it is checked at the entry's end. */
  #byte(): number {
    return this.#bytes[this.#position++] as number
  }

  /** Passes over bytes; gives the position behind them. */
  #skip(count: number): number {
    if (count > this.#end - this.#position) throw this.#fault('A batch ends inside an entry')
    return (this.#position += count)
  }

  /** A whole number, 0–2^53−1. */
  #unsigned(): number {
    const bytes = this.#bytes
    let at = this.#position
    let byte = bytes[at++] as number
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++] as number
      value |= (byte & 0x7f) << shift
    }
    for (let scale = 2 ** 28; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 49) throw this.#fault('A number is too long')
      byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
    }
    this.#position = at
    if (value > Number.MAX_SAFE_INTEGER) throw this.#fault('A number is too big')
    return value
  }

  /** A signed number of 64 bits. */
  #signed(): void {
    const bytes = this.#bytes
    let at = this.#position
    let byte = bytes[at++] as number
    let low = byte & 0x7f
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++] as number
      low |= (byte & 0x7f) << shift
    }
    let middle = 0
    let high = 0
    if (byte >= 0x80) {
      for (let shift = 0; byte >= 0x80 && shift < 28; shift += 7) {
        byte = bytes[at++] as number
        middle |= (byte & 0x7f) << shift
      }
      for (let shift = 0; byte >= 0x80; shift += 7) {
        if (shift > 7) throw this.#fault('A number is too big')
        byte = bytes[at++] as number
        high |= (byte & 0x7f) << shift
      }
      if (high > 0xff) throw this.#fault('A number is too big')
    }
    this.#position = at
    const codedLow = low | (middle << 28)
    const codedHigh = (middle >>> 4) | (high << 24)
    // Zigzag: the lowest bit is the sign.
    const sign = -(codedLow & 1)
    this.#signedHigh = (codedHigh >>> 1) ^ sign
    this.#signedLow = ((codedLow >>> 1) | (codedHigh << 31)) ^ sign
  }
}

function signedOf(high: number, low: number): bigint {
  wide.setInt32(0, high)
  wide.setInt32(4, low)
  return wide.getBigInt64(0)
}

/** Whether 64 bits of nanoseconds, as two halves, are an instant. */
function isInstant(high: number, low: number, seconds: number, nanos: number): boolean {
  if (seconds >= SAFE_SECONDS || seconds <= -SAFE_SECONDS)
    return signedOf(high, low) === timeNsOf({ seconds, nanos })
  // By digits of 16 bits, each step exact.
  const upper = Math.floor(seconds / TWO_16)
  const lowProduct = (seconds - upper * TWO_16) * NANOSECONDS + nanos
  const carry = Math.floor(lowProduct / TWO_16)
  const product = upper * NANOSECONDS + carry
  const top = Math.floor(product / TWO_16)
  const bottom = (product - top * TWO_16) * TWO_16 + (lowProduct - carry * TWO_16)
  return (top | 0) === high && (bottom | 0) === low
}

function unsignedOf(high: number, low: number): bigint {
  if (high === 0) return BigInt(low >>> 0)
  wide.setInt32(0, high)
  wide.setInt32(4, low)
  return wide.getBigUint64(0)
}

/** What goes from the lower halves of a sum to the upper: 1 when the sum, taken without sign, is less than a summand. */
function carryOf(sum: number, summand: number): number {
  return sum >>> 0 < summand >>> 0 ? 1 : 0
}

/** Exact where 53 bits are enough. */
function numberOf(high: number, low: number): number {
  return high * TWO_32 + (low >>> 0)
}

function isCount(value: number): boolean {
  // Only whole numbers come here.
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
