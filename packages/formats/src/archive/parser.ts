import { FormatError } from '../format-error.ts'
import { applyExtendedHeader, noOverrides } from './extended-header.ts'
import type { Overrides } from './extended-header.ts'
import { MAX_EXTENDED_HEADER_BYTES, MAX_SPARSE_REGIONS, TAR_BLOCK_BYTES, paddingOf } from './member.ts'
import type { ArchiveMember, DataRegion } from './member.ts'
import { readMemberHeader, readOldSparse, readOldSparseSize } from './member-header.ts'
import { SparseMapReader, checkedRegions } from './sparse-map.ts'
import { PLAIN_FILE_BYTES, readPlainFile } from './plain-file.ts'
import { FIELD, hasValidChecksum, readNumber } from './ustar.ts'

/** Who takes what the parser reads. Called synchronously from {@link ArchiveParser.push}, in stream order. */
export interface ArchiveSink {
  /**
   * A member begins.
   *
   * @param member - all its headers said
   * @param streamOffset - where its first byte (of an extended header, if it has one) stands in the stream
   */
  onMember(member: ArchiveMember, streamOffset: number): void
  /**
   * A piece of the member's data.
   *
   * @param chunk - a view, valid during the call only
   * @param dataOffset - its logical offset in the file; holes of a sparse file are skipped
   */
  onData(chunk: Buffer, dataOffset: number): void
  /**
   * The same, for who spares the view of each piece; called instead of {@link onData}, where it is there.
   *
   * @param bytes - valid during the call only
   * @param start - where the piece begins in them
   * @param end - and ends
   * @param dataOffset - its logical offset in the file
   */
  onDataIn?(bytes: Buffer, start: number, end: number, dataOffset: number): void
  /** All data of the member has come. */
  onMemberEnd(): void
  /** The end-of-archive marker has come; what follows is ignored. */
  onEndOfArchive(): void
}

/** Options of {@link ArchiveParser}. */
export interface ArchiveParserOptions {
  /**
   * Where in the archive stream the first byte pushed stands; it must be a member's first byte.
   *
   * @default 0
   */
  readonly streamOffset?: number
  /**
   * Whether members get their path, names of owners and change time. Who has these from elsewhere spares reading them: a member's
   * path may be empty then.
   *
   * @default true
   */
  readonly names?: boolean
}

const STATE = { header: 0, extended: 1, sparseMap: 2, oldSparse: 3, data: 4, padding: 5, ended: 6 } as const
type State = (typeof STATE)[keyof typeof STATE]

/** A global header outlives its member: what it may hold on to is kept small. */
const MAX_GLOBAL_HEADER_BYTES = 65_536

const NO_REGIONS: readonly DataRegion[] = []

const TYPE = { pax: 0x78, global: 0x67, longName: 0x4c, longLink: 0x4b, oldSparse: 0x53, volumeLabel: 0x56 }

/**
 * Reads a tar stream that comes in chunks of any size: pax, ustar, GNU and v7 members. Synchronous; it holds back no
 * data and keeps at most one header. After an error it is of no further use.
 *
 * It moves from `header` through `extended` (pax records and GNU long names, which speak of the next member), then
 * `sparseMap` or `oldSparse` where the member is sparse, to `data` and `padding`, and back to `header`; two zero
 * blocks lead to `ended`.
 */
export class ArchiveParser {
  #state: State = STATE.header
  #streamOffset: number
  #memberOffset: number | undefined
  #broken = false
  readonly #wantsNames: boolean
  readonly #block = Buffer.alloc(TAR_BLOCK_BYTES)
  #blockFill = 0
  #zeroBlocks = 0
  #overrides: Overrides = noOverrides()
  #global: Overrides = noOverrides()
  #hasGlobal = false
  #extendedType = 0
  #extended: Buffer = Buffer.alloc(0)
  #extendedBytes = 0
  #remaining = 0
  #padding = 0
  #member: ArchiveMember | undefined
  #map: SparseMapReader | undefined
  #oldRegions: DataRegion[] = []
  #regions: readonly DataRegion[] = []
  #regionIndex = 0
  #dataOffset = 0
  #regionRemaining = 0

  /** @param options - where the stream is entered */
  constructor(options: ArchiveParserOptions = {}) {
    this.#streamOffset = checkedOffset(options.streamOffset ?? 0)
    this.#wantsNames = options.names ?? true
  }

  /** Offset in the stream of the next byte to be pushed. */
  get streamOffset(): number {
    return this.#streamOffset
  }

  /** Whether the next byte to be pushed is a member's first one (or the archive has ended). */
  get atMemberBoundary(): boolean {
    const between = this.#state === STATE.header && this.#blockFill === 0 && this.#memberOffset === undefined
    return between || this.#state === STATE.ended
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk - any number of bytes
   * @param sink - who takes what they hold
   * @throws FormatError `ARCHIVE_*`
   */
  push(chunk: Uint8Array, sink: ArchiveSink): void {
    if (this.#broken) throw new TypeError('the parser is of no use after an error')
    this.#broken = true
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    let at = 0
    while (at < bytes.length) {
      const used = this.#step(bytes, at, sink)
      at += used
      this.#streamOffset += used
      this.#settle(sink)
    }
    this.#broken = false
  }

  /**
   * Says that the next bytes pushed stand elsewhere in the stream, at a member's first byte: a restore reads only the
   * ranges it wants.
   *
   * @param streamOffset - where they stand
   * @throws FormatError `ARCHIVE_TRUNCATED` - the member before is not complete
   */
  skipTo(streamOffset: number): void {
    if (!this.atMemberBoundary) throw this.#truncated()
    this.#streamOffset = checkedOffset(streamOffset)
    this.#state = STATE.header
    this.#zeroBlocks = 0
  }

  /**
   * Says that nothing more comes.
   *
   * @param options - `requireEndOfArchive`: the end-of-archive marker must have come. An image's own stream has none,
   *   a whole tar file has. Default false.
   * @throws FormatError `ARCHIVE_TRUNCATED` - the stream ends inside a member or without the marker asked for
   */
  finish(options: { readonly requireEndOfArchive?: boolean } = {}): void {
    if (!this.atMemberBoundary) throw this.#truncated()
    if (options.requireEndOfArchive === true && this.#state !== STATE.ended)
      throw new FormatError('ARCHIVE_TRUNCATED', this.#streamOffset, 'The archive has no end marker')
  }

  #truncated(): FormatError {
    return new FormatError('ARCHIVE_TRUNCATED', this.#streamOffset, 'The stream ends inside a member')
  }

  /** Consumes some bytes in the present state and says how many. */
  #step(bytes: Buffer, at: number, sink: ArchiveSink): number {
    const available = bytes.length - at
    switch (this.#state) {
      case STATE.header:
        if (!this.#wantsNames && available >= PLAIN_FILE_BYTES && this.#plainFile(bytes, at, sink))
          return PLAIN_FILE_BYTES
        return this.#collectBlock(bytes, at, sink)
      case STATE.sparseMap:
      case STATE.oldSparse:
        return this.#collectBlock(bytes, at, sink)
      case STATE.extended:
        return this.#collectExtended(bytes, at)
      case STATE.data: {
        const count = Math.min(available, this.#regionRemaining)
        if (sink.onDataIn === undefined) sink.onData(bytes.subarray(at, at + count), this.#dataOffset)
        else sink.onDataIn(bytes, at, at + count, this.#dataOffset)
        this.#dataOffset += count
        this.#regionRemaining -= count
        this.#remaining -= count
        return count
      }
      case STATE.padding: {
        const count = Math.min(available, this.#padding)
        this.#padding -= count
        return count
      }
      case STATE.ended:
        return available
    }
  }

  /** Moves on from states that need no further byte. */
  #settle(sink: ArchiveSink): void {
    if (this.#state === STATE.extended && this.#remaining === 0 && this.#padding === 0) this.#endExtended()
    if (this.#state === STATE.data && this.#regionRemaining === 0) this.#nextRegion(sink)
    if (this.#state === STATE.padding && this.#padding === 0) this.#toHeader()
  }

  /** Begins a member whose headers are all here and say nothing unusual; false: it is to be read block by block. */
  #plainFile(bytes: Buffer, at: number, sink: ArchiveSink): boolean {
    if (this.#memberOffset !== undefined || this.#blockFill > 0 || this.#hasGlobal || this.#zeroBlocks > 0)
      return false
    const member = readPlainFile(bytes, at)
    if (member === undefined) return false
    this.#memberOffset = this.#streamOffset
    this.#remaining = member.sizeBytes
    this.#padding = paddingOf(member.sizeBytes)
    this.#regions = NO_REGIONS
    this.#regionIndex = -1
    this.#dataOffset = 0
    this.#regionRemaining = member.sizeBytes
    this.#state = STATE.data
    sink.onMember(member, this.#streamOffset)
    return true
  }

  #toHeader(): void {
    this.#state = STATE.header
    this.#memberOffset = undefined
  }

  #collectBlock(bytes: Buffer, at: number, sink: ArchiveSink): number {
    const count = Math.min(bytes.length - at, TAR_BLOCK_BYTES - this.#blockFill)
    const blockOffset = this.#streamOffset - this.#blockFill
    let block: Buffer = this.#block
    if (count === TAR_BLOCK_BYTES) block = bytes.subarray(at, at + TAR_BLOCK_BYTES)
    else {
      bytes.copy(block, this.#blockFill, at, at + count)
      this.#blockFill += count
      if (this.#blockFill < TAR_BLOCK_BYTES) return count
      this.#blockFill = 0
    }
    if (this.#state === STATE.header) this.#header(block, blockOffset, sink)
    else if (this.#state === STATE.sparseMap) this.#sparseMap(block, blockOffset, sink)
    else this.#oldSparse(block, blockOffset, 0, 21, sink)
    return count
  }

  #header(block: Buffer, blockOffset: number, sink: ArchiveSink): void {
    if (block[0] === 0 && isZero(block)) {
      this.#zeroBlock(blockOffset, sink)
      return
    }
    if (this.#zeroBlocks > 0)
      throw new FormatError('ARCHIVE_INVALID', blockOffset, 'A lone zero block stands between members')
    if (!hasValidChecksum(block))
      throw new FormatError('ARCHIVE_CHECKSUM', blockOffset, 'A tar header does not match its checksum')
    this.#memberOffset ??= blockOffset
    const type = block[FIELD.type] ?? 0
    if (type === TYPE.pax || type === TYPE.global || type === TYPE.longName || type === TYPE.longLink)
      this.#beginExtended(type, readNumber(block, FIELD.size, 12, blockOffset), blockOffset)
    else if (type === TYPE.volumeLabel) {
      this.#overrides = noOverrides()
      this.#memberOffset = undefined
    } else this.#beginMember(block, blockOffset, type, sink)
  }

  #zeroBlock(blockOffset: number, sink: ArchiveSink): void {
    if (this.#memberOffset !== undefined)
      throw new FormatError('ARCHIVE_INVALID', blockOffset, 'An extended header has no member after it')
    this.#zeroBlocks++
    if (this.#zeroBlocks < 2) return
    this.#state = STATE.ended
    sink.onEndOfArchive()
  }

  #beginExtended(type: number, sizeBytes: number, blockOffset: number): void {
    const limit = type === TYPE.global ? MAX_GLOBAL_HEADER_BYTES : MAX_EXTENDED_HEADER_BYTES
    if (sizeBytes < 0 || sizeBytes + this.#extendedBytes > limit)
      throw new FormatError(
        'ARCHIVE_LIMIT',
        blockOffset + FIELD.size,
        `An extended header of ${sizeBytes} bytes`,
      )
    this.#state = STATE.extended
    this.#extendedType = type
    this.#extended = Buffer.allocUnsafe(sizeBytes)
    this.#extendedBytes += sizeBytes
    this.#remaining = sizeBytes
    this.#padding = paddingOf(sizeBytes)
  }

  #collectExtended(bytes: Buffer, at: number): number {
    const available = bytes.length - at
    if (this.#remaining === 0) {
      const skipped = Math.min(available, this.#padding)
      this.#padding -= skipped
      return skipped
    }
    const count = Math.min(available, this.#remaining)
    bytes.copy(this.#extended, this.#extended.length - this.#remaining, at, at + count)
    this.#remaining -= count
    return count
  }

  #endExtended(): void {
    const body = this.#extended
    const offset = this.#streamOffset - body.length - paddingOf(body.length)
    this.#state = STATE.header
    if (this.#extendedType === TYPE.longName) this.#overrides.path = cString(body, offset)
    else if (this.#extendedType === TYPE.longLink) this.#overrides.linkTarget = cString(body, offset)
    else if (this.#extendedType === TYPE.pax) applyExtendedHeader(body, offset, this.#overrides)
    else {
      this.#hasGlobal = true
      applyExtendedHeader(body, offset, this.#global)
      this.#global = { ...this.#global, extras: 0 }
      delete this.#global.xattrs
      delete this.#global.vendor
      this.#extendedBytes = 0
      this.#memberOffset = undefined
    }
  }

  #beginMember(block: Buffer, blockOffset: number, type: number, sink: ArchiveSink): void {
    const overrides = this.#hasGlobal ? { ...this.#global, ...this.#overrides } : this.#overrides
    const { member, storedBytes } = readMemberHeader(block, blockOffset, overrides)
    this.#overrides = noOverrides()
    this.#extendedBytes = 0
    this.#remaining = storedBytes
    this.#padding = paddingOf(storedBytes)
    if (type === TYPE.oldSparse) {
      this.#member = { ...member, sizeBytes: readOldSparseSize(block, blockOffset) }
      this.#oldRegions = []
      this.#oldSparse(block, blockOffset, 386, 4, sink)
    } else if (member.kind === 'file' && overrides.sparseMajor !== undefined) {
      if (overrides.sparseMajor !== 1 || overrides.sparseMinor !== 0)
        throw new FormatError(
          'ARCHIVE_UNSUPPORTED',
          blockOffset,
          'A sparse member of a GNU format other than 1.0',
        )
      this.#member = member
      this.#map = new SparseMapReader()
      this.#state = STATE.sparseMap
      if (storedBytes < TAR_BLOCK_BYTES)
        throw new FormatError('ARCHIVE_INVALID', blockOffset, 'A sparse member without a map')
    } else this.#announce(member, [{ offset: 0, length: storedBytes }], sink)
  }

  #sparseMap(block: Buffer, blockOffset: number, sink: ArchiveSink): void {
    const map = this.#map
    const member = this.#member
    if (map === undefined || member === undefined) throw new TypeError('a sparse map without a member')
    this.#remaining -= TAR_BLOCK_BYTES
    if (map.push(block, blockOffset)) {
      const sparse = checkedRegions(map.regions, member.sizeBytes, this.#remaining, blockOffset)
      this.#announce({ ...member, sparse }, sparse, sink)
    } else if (this.#remaining < TAR_BLOCK_BYTES)
      throw new FormatError('ARCHIVE_INVALID', blockOffset, 'A sparse map is longer than its member')
  }

  #oldSparse(block: Buffer, blockOffset: number, at: number, count: number, sink: ArchiveSink): void {
    const { regions, extended } = readOldSparse(block, blockOffset, at, count)
    this.#oldRegions.push(...regions)
    if (this.#oldRegions.length > MAX_SPARSE_REGIONS)
      throw new FormatError(
        'ARCHIVE_LIMIT',
        blockOffset,
        `A sparse map of more than ${MAX_SPARSE_REGIONS} regions`,
      )
    this.#state = STATE.oldSparse
    const member = this.#member
    if (extended || member === undefined) return
    const sparse = checkedRegions(this.#oldRegions, member.sizeBytes, this.#remaining, blockOffset)
    this.#oldRegions = []
    this.#announce({ ...member, sparse }, sparse, sink)
  }

  #announce(member: ArchiveMember, regions: readonly DataRegion[], sink: ArchiveSink): void {
    this.#member = undefined
    this.#map = undefined
    this.#regions = regions
    this.#regionIndex = -1
    this.#regionRemaining = 0
    this.#state = STATE.data
    sink.onMember(member, this.#memberOffset ?? this.#streamOffset)
  }

  #nextRegion(sink: ArchiveSink): void {
    while (this.#regionRemaining === 0) {
      const region = this.#regions[++this.#regionIndex]
      if (region === undefined) {
        this.#state = STATE.padding
        sink.onMemberEnd()
        return
      }
      this.#dataOffset = region.offset
      this.#regionRemaining = region.length
    }
  }
}

function isZero(block: Buffer): boolean {
  for (let index = 0; index < TAR_BLOCK_BYTES; index++) if (block[index] !== 0) return false
  return true
}

/** A GNU long name: bytes up to the first NUL. */
function cString(body: Buffer, offset: number): Buffer {
  const nul = body.indexOf(0)
  const name = nul === -1 ? body : body.subarray(0, nul)
  if (name.length === 0) throw new FormatError('ARCHIVE_INVALID', offset, 'A long name is empty')
  return name
}

function checkedOffset(streamOffset: number): number {
  if (!Number.isSafeInteger(streamOffset) || streamOffset < 0)
    throw new TypeError('streamOffset must be a whole number from 0')
  return streamOffset
}
