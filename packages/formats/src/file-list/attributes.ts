import type { MemberKind } from '../archive/member.ts'
import { paddingOf } from '../archive/member.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { FileRecord } from './record.ts'

/** The kinds in the order of their numbers at rest; a number is never used again. */
const KINDS: readonly MemberKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
]
const KIND_NUMBER: ReadonlyMap<MemberKind, number> = new Map(KINDS.map((kind, number) => [kind, number]))

/** Bits of an entry's 16-bit head; those named `…Same` spare a field that equals its prediction. */
const HEAD = {
  kindMask: 0x7,
  modeSame: 1 << 3,
  ownerSame: 1 << 4,
  sizeSame: 1 << 5,
  allocatedSame: 1 << 6,
  mtimeSeconds: 1 << 7,
  deviceSame: 1 << 8,
  imageSame: 1 << 9,
  offsetSame: 1 << 10,
  memberBytesSame: 1 << 11,
  linkCountSame: 1 << 12,
  extra: 1 << 13,
  ctimeShift: 14,
} as const
const CTIME = { equalsMtime: 0, fromMtime: 1, fromPrevious: 2, equalsPrevious: 3 } as const
const EXTRA = { digest: 1, flags: 2, all: 3 } as const

const NANOSECONDS = 1_000_000_000n
const ALLOCATION_UNIT = 4096
/** Greatest `imageIndex`: the table of a list's images is bounded by it. */
export const MAX_IMAGE_INDEX = 65_535

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

/** Writes the attributes of the entries of one batch. */
export class AttributesWriter {
  readonly #writer: ByteWriter
  #state = new Predictions()

  /** @param writer - where the bytes go */
  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** Forgets the predictions: a new batch begins. */
  clear(): void {
    this.#state = new Predictions()
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

/** Reads the attributes of the entries of one batch, in order. */
export class AttributesReader {
  readonly #reader: ByteReader
  readonly #state = new Predictions()

  /** @param reader - the attributes section of a batch */
  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  /**
   * Reads the next entry.
   *
   * @param path - its path, which is stored apart
   * @throws FormatError `FILE_LIST_INVALID`
   */
  next(path: Buffer): FileRecord {
    const reader = this.#reader
    const state = this.#state
    const head = reader.byte() | (reader.byte() << 8)
    const number = head & HEAD.kindMask
    const kind = KINDS[number]
    const own = state.kinds[number]
    if (kind === undefined || own === undefined) throw reader.fault(`An entry of kind ${number}`)
    const extra = head & HEAD.extra ? reader.byte() : 0
    if (extra > EXTRA.all || (head & HEAD.extra && extra === 0))
      throw reader.fault('An entry with unknown fields')
    const linkTarget = kind === 'symlink' || kind === 'hardlink' ? reader.bytes(reader.unsigned()) : undefined
    if (linkTarget?.length === 0 || linkTarget?.includes(0))
      throw reader.fault('A link without a usable target')
    const isDevice = kind === 'character-device' || kind === 'block-device'
    const deviceMajor = isDevice ? reader.unsigned() : 0
    const deviceMinor = isDevice ? reader.unsigned() : 0
    const mode = head & HEAD.modeSame ? own.mode : reader.unsigned()
    if (mode > 0o7777) throw reader.fault(`An entry with mode ${mode}`)
    const ownerSame = (head & HEAD.ownerSame) !== 0
    const uid = ownerSame ? state.uid : reader.unsigned()
    const gid = ownerSame ? state.gid : reader.unsigned()
    const sizeBytes = head & HEAD.sizeSame ? state.size(kind, own, linkTarget) : reader.unsigned()
    const allocatedBytes =
      head & HEAD.allocatedSame ? state.allocated(kind, own, sizeBytes) : optional(reader.unsigned())
    const mtimeNs = wrapped(
      head & HEAD.mtimeSeconds
        ? (wholeSeconds(state.mtimeNs) + reader.signed()) * NANOSECONDS
        : state.mtimeNs + reader.signed(),
    )
    const ctimeNs = this.#ctime(head >> HEAD.ctimeShift, mtimeNs)
    const device = head & HEAD.deviceSame ? state.device : BigInt.asUintN(64, reader.signed())
    const inode = BigInt.asUintN(64, state.inode + reader.signed())
    const linkCount = head & HEAD.linkCountSame ? own.linkCount : reader.unsigned()
    const imageIndex = head & HEAD.imageSame ? state.imageIndex : reader.unsigned()
    if (imageIndex > MAX_IMAGE_INDEX) throw reader.fault(`An entry in image ${imageIndex}`)
    const expected = state.offset(imageIndex)
    const memberOffset = head & HEAD.offsetSame ? expected : Number(BigInt(expected) + reader.signed())
    const memberBytes =
      head & HEAD.memberBytesSame ? state.memberBytes(kind, own, sizeBytes) : reader.unsigned()
    if (!isCount(memberOffset) || !isCount(memberBytes) || !isCount(memberOffset + memberBytes))
      throw reader.fault('An entry with an impossible position')
    if (!isCount(sizeBytes + ALLOCATION_UNIT)) throw reader.fault('An entry with an impossible size')
    const digest = extra & EXTRA.digest ? reader.bytes(reader.byte()) : undefined
    const flags = extra & EXTRA.flags ? reader.unsigned() : 0
    const record: FileRecord = {
      path,
      kind,
      mode,
      uid,
      gid,
      sizeBytes,
      ...(allocatedBytes === undefined ? undefined : { allocatedBytes }),
      mtimeNs,
      ctimeNs,
      ...(linkTarget === undefined ? undefined : { linkTarget }),
      ...(isDevice ? { deviceMajor, deviceMinor } : undefined),
      identity: { device, inode },
      linkCount,
      imageIndex,
      memberOffset,
      memberBytes,
      ...(digest === undefined ? undefined : { digest }),
      flags,
    }
    state.advance(kind, own, record)
    return record
  }

  /** Checks that nothing is left. */
  finish(): void {
    if (!this.#reader.atEnd) throw this.#reader.fault('A batch holds more than its entries')
  }

  #ctime(form: number, mtimeNs: bigint): bigint {
    if (form === CTIME.equalsMtime) return mtimeNs
    if (form === CTIME.equalsPrevious) return this.#state.ctimeNs
    return wrapped((form === CTIME.fromMtime ? mtimeNs : this.#state.ctimeNs) + this.#reader.signed())
  }
}

function optional(value: number): number | undefined {
  return value === 0 ? undefined : value - 1
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
