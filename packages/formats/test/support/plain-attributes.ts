// The attributes of a batch, coded with big integers as the format is told: what the encoder must write, however it does it.
import type { MemberKind } from '../../src/archive/member.ts'
import { paddingOf } from '../../src/archive/member.ts'
import { CTIME, EXTRA, HEAD, KINDS } from '../../src/file-list/attribute-head.ts'
import { ByteWriter } from '../../src/file-list/byte-writer.ts'
import type { FileRecord } from '../../src/file-list/record.ts'

const KIND_NUMBER: ReadonlyMap<MemberKind, number> = new Map(KINDS.map((kind, number) => [kind, number]))

const NANOSECONDS = 1_000_000_000n
const ALLOCATION_UNIT = 4096
/** What the last entry of one kind said: the prediction for the next of that kind. */
interface KindState {
  mode: number
  sizeBytes: number
  allocatedBytes: number | undefined
  headerBytes: number
  linkCount: number
}

/** All that an entry is coded against. Writer and reader move it alike; each batch begins with a new one. */
class Predictions {
  uid = 0
  gid = 0
  mtimeNs = 0n
  ctimeNs = 0n
  device = 0n
  inode = 0n
  imageIndex = 0
  readonly kinds: KindState[] = KINDS.map(() => ({
    mode: 0,
    sizeBytes: 0,
    allocatedBytes: undefined,
    headerBytes: 0,
    linkCount: 1,
  }))
  readonly #nextOffset = new Map<number, number>()

  /** A symlink is as long as its target; others as the last of their kind, which for files is never. */
  size(kind: MemberKind, state: KindState, linkTarget: Buffer | undefined): number {
    return kind === 'symlink' && linkTarget !== undefined ? linkTarget.length : state.sizeBytes
  }

  /** Files take whole allocation units; others as much as the last of their kind. */
  allocated(kind: MemberKind, state: KindState, sizeBytes: number): number | undefined {
    if (kind !== 'file' && kind !== 'hardlink') return state.allocatedBytes
    return Math.ceil(sizeBytes / ALLOCATION_UNIT) * ALLOCATION_UNIT
  }

  /** Members follow one another, and those of one kind have headers of one size. */
  memberBytes(kind: MemberKind, state: KindState, sizeBytes: number): number {
    return state.headerBytes + dataBytes(kind, sizeBytes)
  }

  offset(imageIndex: number): number {
    return this.#nextOffset.get(imageIndex) ?? 0
  }

  advance(kind: MemberKind, state: KindState, record: FileRecord): void {
    state.mode = record.mode
    state.sizeBytes = record.sizeBytes
    state.allocatedBytes = record.allocatedBytes
    state.linkCount = record.linkCount
    const headerBytes = record.memberBytes - dataBytes(kind, record.sizeBytes)
    if (headerBytes >= 0) state.headerBytes = headerBytes
    if (kind !== 'hardlink') this.#nextOffset.set(record.imageIndex, record.memberOffset + record.memberBytes)
    this.uid = record.uid
    this.gid = record.gid
    this.mtimeNs = record.mtimeNs
    this.ctimeNs = record.ctimeNs
    this.device = record.identity.device
    this.inode = record.identity.inode
    this.imageIndex = record.imageIndex
  }
}

function dataBytes(kind: MemberKind, sizeBytes: number): number {
  return kind === 'file' || kind === 'hardlink' ? sizeBytes + paddingOf(sizeBytes) : 0
}

/** Seconds since 1970, rounded down also before it. */
function wholeSeconds(timeNs: bigint): bigint {
  const seconds = timeNs / NANOSECONDS
  return timeNs < 0n && seconds * NANOSECONDS !== timeNs ? seconds - 1n : seconds
}

function wrapped(value: bigint): bigint {
  return BigInt.asIntN(64, value)
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

class AttributesWriter {
  readonly #writer: ByteWriter
  readonly #state = new Predictions()

  /** @param writer - where the bytes go */
  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** @param record - a record whose fields were checked */
  write(record: FileRecord): void {
    const writer = this.#writer
    const state = this.#state
    const { kind, mtimeNs, ctimeNs, linkTarget, sizeBytes, identity } = record
    const number = KIND_NUMBER.get(kind) ?? 0
    const own = state.kinds[number]
    if (own === undefined) throw new TypeError(`${kind} is no kind`)
    const inSeconds = mtimeNs % NANOSECONDS === 0n
    const fromMtime = wrapped(ctimeNs - mtimeNs)
    const fromPrevious = wrapped(ctimeNs - state.ctimeNs)
    const ctime = chooseCtime(fromMtime, fromPrevious)
    const extra = (record.digest === undefined ? 0 : EXTRA.digest) | (record.flags === 0 ? 0 : EXTRA.flags)
    let head = number | (ctime << HEAD.ctimeShift)
    if (record.mode === own.mode) head |= HEAD.modeSame
    if (record.uid === state.uid && record.gid === state.gid) head |= HEAD.ownerSame
    if (sizeBytes === state.size(kind, own, linkTarget)) head |= HEAD.sizeSame
    if (record.allocatedBytes === state.allocated(kind, own, sizeBytes)) head |= HEAD.allocatedSame
    if (inSeconds) head |= HEAD.mtimeSeconds
    if (identity.device === state.device) head |= HEAD.deviceSame
    if (record.imageIndex === state.imageIndex) head |= HEAD.imageSame
    const offset = state.offset(record.imageIndex)
    if (record.memberOffset === offset) head |= HEAD.offsetSame
    if (record.memberBytes === state.memberBytes(kind, own, sizeBytes)) head |= HEAD.memberBytesSame
    if (record.linkCount === own.linkCount) head |= HEAD.linkCountSame
    if (extra !== 0) head |= HEAD.extra

    writer.byte(head & 0xff)
    writer.byte(head >> 8)
    if (extra !== 0) writer.byte(extra)
    if (kind === 'symlink' || kind === 'hardlink') writeBytes(writer, linkTarget)
    if (kind === 'character-device' || kind === 'block-device') {
      writer.unsigned(record.deviceMajor ?? 0)
      writer.unsigned(record.deviceMinor ?? 0)
    }
    if (!(head & HEAD.modeSame)) writer.unsigned(record.mode)
    if (!(head & HEAD.ownerSame)) {
      writer.unsigned(record.uid)
      writer.unsigned(record.gid)
    }
    if (!(head & HEAD.sizeSame)) writer.unsigned(sizeBytes)
    if (!(head & HEAD.allocatedSame))
      writer.unsigned(record.allocatedBytes === undefined ? 0 : record.allocatedBytes + 1)
    if (inSeconds) writer.signed(mtimeNs / NANOSECONDS - wholeSeconds(state.mtimeNs))
    else writer.signed(wrapped(mtimeNs - state.mtimeNs))
    if (ctime === CTIME.fromMtime) writer.signed(fromMtime)
    else if (ctime === CTIME.fromPrevious) writer.signed(fromPrevious)
    if (!(head & HEAD.deviceSame)) writer.signed(wrapped(identity.device))
    writer.signed(wrapped(identity.inode - state.inode))
    if (!(head & HEAD.linkCountSame)) writer.unsigned(record.linkCount)
    if (!(head & HEAD.imageSame)) writer.unsigned(record.imageIndex)
    if (!(head & HEAD.offsetSame)) writer.signed(BigInt(record.memberOffset) - BigInt(offset))
    if (!(head & HEAD.memberBytesSame)) writer.unsigned(record.memberBytes)
    if (extra & EXTRA.digest) writeBytes(writer, record.digest)
    if (extra & EXTRA.flags) writer.unsigned(record.flags)
    state.advance(kind, own, record)
  }
}

function chooseCtime(fromMtime: bigint, fromPrevious: bigint): number {
  if (fromMtime === 0n) return CTIME.equalsMtime
  if (fromPrevious === 0n) return CTIME.equalsPrevious
  return magnitude(fromMtime) <= magnitude(fromPrevious) ? CTIME.fromMtime : CTIME.fromPrevious
}

function writeBytes(writer: ByteWriter, bytes: Buffer | undefined): void {
  writer.unsigned(bytes?.length ?? 0)
  if (bytes !== undefined) writer.bytes(bytes)
}

/** The attributes section of a batch with these records. */
export function plainAttributes(records: readonly FileRecord[]): Buffer {
  const bytes = new ByteWriter(1024)
  const writer = new AttributesWriter(bytes)
  for (const record of records) writer.write(record)
  return Buffer.from(bytes.written)
}
