import type { MemberKind } from '../archive/member.ts'
import { type Instant, sameInstant } from '../instant.ts'
import { CTIME, EXTRA, HEAD, KINDS } from './attribute-head.ts'
import type { ByteWriter } from './byte-writer.ts'
import { type ListEntry, uint64 } from './list-entry.ts'
import { Predictions } from './predictions.ts'
import { TimeDifference, wrappedDifference } from './time-difference.ts'

const KIND_NUMBER: ReadonlyMap<MemberKind, number> = new Map(KINDS.map((kind, number) => [kind, number]))
/** Greatest upper half of a difference of 64 bits that is exact as one number, twice. */
const SMALL_HIGH = 2 ** 19
const SMALL = 2 ** 51

/** Writes the attributes of the entries of one batch. */
export class AttributesWriter {
  readonly #writer: ByteWriter
  readonly #ofMtime = new TimeDifference()
  readonly #fromMtime = new TimeDifference()
  readonly #fromPrevious = new TimeDifference()
  #state = new Predictions()

  /** @param writer - where the bytes go */
  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** Forgets the predictions: a new batch begins. */
  clear(): void {
    this.#state = new Predictions()
  }

  /** @param entry - an entry whose fields were checked */
  write(entry: ListEntry): void {
    const writer = this.#writer
    const state = this.#state
    const { kind, linkTarget, sizeBytes, imageIndex, memberOffset, memberBytes, digest, flags } = entry
    const number = KIND_NUMBER.get(kind) ?? 0
    const own = state.kinds[number]
    if (own === undefined) throw new TypeError(`${kind} is no kind`)
    const ctime = this.#chooseCtime(entry)
    const extra = (digest === undefined ? 0 : EXTRA.digest) | (flags === 0 ? 0 : EXTRA.flags)
    const offset = state.offset(imageIndex)
    let head = number | (ctime << HEAD.ctimeShift)
    if (entry.mode === own.mode) head |= HEAD.modeSame
    if (entry.uid === state.uid && entry.gid === state.gid) head |= HEAD.ownerSame
    if (sizeBytes === state.size(kind, own, linkTarget)) head |= HEAD.sizeSame
    if (entry.allocatedBytes === state.allocated(kind, own, sizeBytes)) head |= HEAD.allocatedSame
    if (entry.mtime.nanos === 0) head |= HEAD.mtimeSeconds
    if (entry.deviceLow === state.deviceLow && entry.deviceHigh === state.deviceHigh) head |= HEAD.deviceSame
    if (imageIndex === state.imageIndex) head |= HEAD.imageSame
    if (memberOffset === offset) head |= HEAD.offsetSame
    if (memberBytes === state.memberBytes(kind, own, sizeBytes)) head |= HEAD.memberBytesSame
    if (entry.linkCount === own.linkCount) head |= HEAD.linkCountSame
    if (extra !== 0) head |= HEAD.extra

    writer.byte(head & 0xff)
    writer.byte(head >> 8)
    if (extra !== 0) writer.byte(extra)
    if (kind === 'symlink' || kind === 'hardlink') writeBytes(writer, linkTarget)
    if (kind === 'character-device' || kind === 'block-device') {
      writer.unsigned(entry.deviceMajor ?? 0)
      writer.unsigned(entry.deviceMinor ?? 0)
    }
    if (!(head & HEAD.modeSame)) writer.unsigned(entry.mode)
    if (!(head & HEAD.ownerSame)) {
      writer.unsigned(entry.uid)
      writer.unsigned(entry.gid)
    }
    if (!(head & HEAD.sizeSame)) writer.unsigned(sizeBytes)
    if (!(head & HEAD.allocatedSame))
      writer.unsigned(entry.allocatedBytes === undefined ? 0 : entry.allocatedBytes + 1)
    this.#writeTimes(entry, ctime)
    if (!(head & HEAD.deviceSame)) writeSigned64(writer, entry.deviceHigh, entry.deviceLow, 0, 0)
    writeSigned64(writer, entry.inodeHigh, entry.inodeLow, state.inodeHigh, state.inodeLow)
    if (!(head & HEAD.linkCountSame)) writer.unsigned(entry.linkCount)
    if (!(head & HEAD.imageSame)) writer.unsigned(imageIndex)
    if (!(head & HEAD.offsetSame)) writeDifference(writer, memberOffset, offset)
    if (!(head & HEAD.memberBytesSame)) writer.unsigned(memberBytes)
    if (extra & EXTRA.digest) writeBytes(writer, digest)
    if (extra & EXTRA.flags) writer.unsigned(flags)
    state.advance(own, entry)
  }

  /** The shortest form of the change time; leaves both differences behind. */
  #chooseCtime({ mtime, ctime }: ListEntry): number {
    const previous = this.#state.ctime
    if (sameInstant(ctime, mtime)) return CTIME.equalsMtime
    if (sameInstant(ctime, previous)) return CTIME.equalsPrevious
    this.#fromMtime.set(ctime, mtime)
    this.#fromPrevious.set(ctime, previous)
    if (this.#fromMtime.isHuge || this.#fromPrevious.isHuge) {
      const fromMtime = magnitude(wrappedDifference(ctime, mtime))
      return fromMtime <= magnitude(wrappedDifference(ctime, previous)) ? CTIME.fromMtime : CTIME.fromPrevious
    }
    return this.#fromMtime.isWithin(this.#fromPrevious) ? CTIME.fromMtime : CTIME.fromPrevious
  }

  #writeTimes({ mtime, ctime }: ListEntry, ctimeForm: number): void {
    const { mtime: before, ctime: ctimeBefore } = this.#state
    if (mtime.nanos === 0) this.#writer.signedNumber(mtime.seconds - before.seconds)
    else {
      this.#ofMtime.set(mtime, before)
      this.#writeTime(this.#ofMtime, mtime, before)
    }
    if (ctimeForm === CTIME.fromMtime) this.#writeTime(this.#fromMtime, ctime, mtime)
    else if (ctimeForm === CTIME.fromPrevious) this.#writeTime(this.#fromPrevious, ctime, ctimeBefore)
  }

  #writeTime(difference: TimeDifference, to: Instant, from: Instant): void {
    if (difference.isHuge) this.#writer.signed(wrappedDifference(to, from))
    else difference.write(this.#writer)
  }
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

function writeBytes(writer: ByteWriter, bytes: Buffer | undefined): void {
  writer.unsigned(bytes?.length ?? 0)
  if (bytes !== undefined) writer.bytes(bytes)
}

/** Writes the difference of two numbers of 64 bits; it wraps. */
function writeSigned64(
  writer: ByteWriter,
  high: number,
  low: number,
  highBefore: number,
  lowBefore: number,
): void {
  const upper = high - highBefore
  if (upper < SMALL_HIGH && upper > -SMALL_HIGH) writer.signedNumber(upper * 2 ** 32 + (low - lowBefore))
  else writer.signed(BigInt.asIntN(64, uint64(high, low) - uint64(highBefore, lowBefore)))
}

function writeDifference(writer: ByteWriter, value: number, before: number): void {
  const difference = value - before
  if (difference < SMALL && difference > -SMALL) writer.signedNumber(difference)
  else writer.signed(BigInt(value) - BigInt(before))
}
