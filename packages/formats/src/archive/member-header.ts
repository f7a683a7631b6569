import { FormatError } from '../format-error.ts'
import type { Overrides } from './extended-header.ts'
import type { ArchiveMember, DataRegion, MemberKind } from './member.ts'
import { FIELD, NAME_BYTES, OWNER_NAME_BYTES, readBytes, readNumber } from './ustar.ts'

const SLASH = 0x2f
const DOT = Buffer.from('.')
const NANOSECONDS = 1_000_000_000n

const KIND_OF_TYPE: ReadonlyMap<number, MemberKind> = new Map<number, MemberKind>([
  [0, 'file'],
  [0x30, 'file'],
  [0x37, 'file'],
  [0x53, 'file'],
  [0x31, 'hardlink'],
  [0x32, 'symlink'],
  [0x33, 'character-device'],
  [0x34, 'block-device'],
  [0x35, 'directory'],
  [0x44, 'directory'],
  [0x36, 'fifo'],
])

/** A ustar header with what extended headers override. */
export interface MemberHeader {
  /** The member; its `sparse` is still to come where a map follows. */
  readonly member: ArchiveMember
  /** Bytes of data that follow in the stream, sparse map included. */
  readonly storedBytes: number
}

/**
 * Reads a member's ustar header block (POSIX, GNU and v7 layouts).
 *
 * @param block - 512 bytes with a right checksum
 * @param blockOffset - its stream offset
 * @param overrides - what extended headers before it said
 * @throws FormatError `ARCHIVE_INVALID`, `ARCHIVE_UNSUPPORTED`
 */
export function readMemberHeader(block: Buffer, blockOffset: number, overrides: Overrides): MemberHeader {
  const type = block[FIELD.type] ?? 0
  let kind = KIND_OF_TYPE.get(type)
  if (kind === undefined)
    throw new FormatError(
      'ARCHIVE_UNSUPPORTED',
      blockOffset + FIELD.type,
      `A member of type ${String.fromCharCode(type)}`,
    )
  const rawPath = overrides.sparseName ?? overrides.path ?? readPath(block)
  if (kind === 'file' && rawPath[rawPath.length - 1] === SLASH) kind = 'directory'
  const declared = overrides.sizeBytes ?? readNumber(block, FIELD.size, 12, blockOffset)
  if (declared < 0) throw new FormatError('ARCHIVE_INVALID', blockOffset + FIELD.size, 'A size below zero')
  // POSIX lets a hard link carry data, yet GNU tar, and so nearly every archive, gives it none whatever the size says.
  const storedBytes = kind === 'file' || type === 0x44 ? declared : 0
  const member: ArchiveMember = {
    path: relative(rawPath),
    kind,
    mode: readNumber(block, FIELD.mode, 8, blockOffset) & 0o7777,
    uid: owner(overrides.uid ?? readNumber(block, FIELD.uid, 8, blockOffset), blockOffset),
    gid: owner(overrides.gid ?? readNumber(block, FIELD.gid, 8, blockOffset), blockOffset),
    sizeBytes: kind === 'file' ? (overrides.sparseRealSize ?? storedBytes) : 0,
    mtimeNs: overrides.mtimeNs ?? BigInt(readNumber(block, FIELD.mtime, 12, blockOffset)) * NANOSECONDS,
    ...ownerNames(block, overrides),
    ...linkFields(block, blockOffset, kind, overrides),
    ...optionalFields(overrides),
  }
  return { member, storedBytes }
}

function readPath(block: Buffer): Buffer {
  const name = readBytes(block, FIELD.name, NAME_BYTES)
  // GNU tar keeps other things where POSIX keeps the prefix; their magic differs in its sixth byte.
  const posix = block.toString('latin1', FIELD.magic, FIELD.magic + 6) === 'ustar\0'
  if (!posix || block[FIELD.prefix] === 0) return name
  return Buffer.concat([readBytes(block, FIELD.prefix, 155), Buffer.from('/'), name])
}

/** As tar does on extraction: an absolute path loses its leading slashes, a directory its trailing ones. */
function relative(path: Buffer): Buffer {
  let start = 0
  let end = path.length
  while (start < end && path[start] === SLASH) start++
  while (end > start && path[end - 1] === SLASH) end--
  return start === end ? DOT : path.subarray(start, end)
}

function owner(value: number, blockOffset: number): number {
  if (value < 0) throw new FormatError('ARCHIVE_INVALID', blockOffset + FIELD.uid, 'An owner below zero')
  return value
}

function ownerNames(block: Buffer, overrides: Overrides): { userName?: string; groupName?: string } {
  const userName = overrides.userName ?? readBytes(block, FIELD.userName, OWNER_NAME_BYTES).toString()
  const groupName = overrides.groupName ?? readBytes(block, FIELD.groupName, OWNER_NAME_BYTES).toString()
  return { ...(userName === '' ? {} : { userName }), ...(groupName === '' ? {} : { groupName }) }
}

function linkFields(
  block: Buffer,
  blockOffset: number,
  kind: MemberKind,
  overrides: Overrides,
): Partial<Pick<ArchiveMember, 'linkTarget' | 'deviceMajor' | 'deviceMinor'>> {
  if (kind === 'symlink' || kind === 'hardlink') {
    const target = overrides.linkTarget ?? readBytes(block, FIELD.link, NAME_BYTES)
    if (target.length === 0)
      throw new FormatError('ARCHIVE_INVALID', blockOffset, `A ${kind} without a target`)
    return { linkTarget: kind === 'hardlink' ? relative(target) : target }
  }
  if (kind !== 'character-device' && kind !== 'block-device') return {}
  return {
    deviceMajor: overrides.deviceMajor ?? readNumber(block, FIELD.deviceMajor, 8, blockOffset),
    deviceMinor: overrides.deviceMinor ?? readNumber(block, FIELD.deviceMinor, 8, blockOffset),
  }
}

function optionalFields(overrides: Overrides): Partial<ArchiveMember> {
  const { atimeNs, ctimeNs, aclAccess, aclDefault, xattrs, vendor } = overrides
  return {
    ...(atimeNs === undefined ? {} : { atimeNs }),
    ...(ctimeNs === undefined ? {} : { ctimeNs }),
    ...(aclAccess === undefined ? {} : { aclAccess }),
    ...(aclDefault === undefined ? {} : { aclDefault }),
    ...(xattrs === undefined ? {} : { xattrs }),
    ...(vendor === undefined ? {} : { vendor }),
  }
}

/** The regions that old GNU headers (type `S`) and their extension blocks hold. */
export interface OldSparseBlock {
  /** Regions in this block. */
  readonly regions: DataRegion[]
  /** Whether another block of regions follows. */
  readonly extended: boolean
}

/**
 * Reads the regions of an old GNU sparse header, or of one of the extension blocks that follow it.
 *
 * @param block - 512 bytes
 * @param blockOffset - its stream offset
 * @param at - offset of the first region: 386 in the header, 0 in an extension
 * @param count - regions in the block: 4 in the header, 21 in an extension
 * @throws FormatError `ARCHIVE_INVALID`
 */
export function readOldSparse(block: Buffer, blockOffset: number, at: number, count: number): OldSparseBlock {
  const regions: DataRegion[] = []
  for (let index = 0; index < count; index++) {
    const field = at + index * 24
    if (block[field] === 0 && block[field + 12] === 0) break
    const offset = readNumber(block, field, 12, blockOffset)
    const length = readNumber(block, field + 12, 12, blockOffset)
    if (offset < 0 || length < 0)
      throw new FormatError(
        'ARCHIVE_INVALID',
        blockOffset + field,
        'A region of a sparse member is below zero',
      )
    regions.push({ offset, length })
  }
  return { regions, extended: block[at + count * 24] === 1 }
}

/**
 * The logical size that an old GNU sparse header (type `S`) tells.
 *
 * @param block - 512 bytes
 * @param blockOffset - its stream offset
 */
export function readOldSparseSize(block: Buffer, blockOffset: number): number {
  const size = readNumber(block, 483, 12, blockOffset)
  if (size < 0) throw new FormatError('ARCHIVE_INVALID', blockOffset + 483, 'A size below zero')
  return size
}
