import { FormatError } from '../format-error.ts'
import type { Overrides } from './extended-header.ts'
import type { ArchiveMember, DataRegion, MemberKind } from './member.ts'
import { FIELD, NAME_BYTES, OWNER_NAME_BYTES, endOfText, readBytes, readNumber } from './ustar.ts'

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
  // Before tar knew of directories they were files whose name ends in a slash. Bytes that such a one declares are there all the same.
  const hasData = kind === 'file' || type === 0x44
  if (kind === 'file' && rawPath[rawPath.length - 1] === SLASH) kind = 'directory'
  const declared = overrides.sizeBytes ?? readNumber(block, FIELD.size, 12, blockOffset)
  if (declared < 0) throw new FormatError('ARCHIVE_INVALID', blockOffset + FIELD.size, 'A size below zero')
  // POSIX lets a hard link carry data, yet GNU tar, and so nearly every archive, gives it none whatever the size says.
  const storedBytes = hasData ? declared : 0
  const member: Growing = {
    path: relative(rawPath),
    kind,
    mode: readNumber(block, FIELD.mode, 8, blockOffset) & 0o7777,
    uid: owner(overrides.uid ?? readNumber(block, FIELD.uid, 8, blockOffset), blockOffset),
    gid: owner(overrides.gid ?? readNumber(block, FIELD.gid, 8, blockOffset), blockOffset),
    sizeBytes: kind === 'file' ? (overrides.sparseRealSize ?? storedBytes) : 0,
    mtimeNs: overrides.mtimeNs ?? BigInt(readNumber(block, FIELD.mtime, 12, blockOffset)) * NANOSECONDS,
  }
  addOwnerNames(member, block, overrides)
  addLinkFields(member, block, blockOffset, overrides)
  addOptionalFields(member, overrides)
  return { member, storedBytes }
}

/** A member while it is put together. */
type Growing = { -readonly [Key in keyof ArchiveMember]: ArchiveMember[Key] }

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

function addOwnerNames(member: Growing, block: Buffer, overrides: Overrides): void {
  const userName = overrides.userName ?? ownerName(block, FIELD.userName, userNames)
  const groupName = overrides.groupName ?? ownerName(block, FIELD.groupName, groupNames)
  if (userName !== '') member.userName = userName
  if (groupName !== '') member.groupName = groupName
}

/** The name read last: neighbours have the same owner. */
interface LastName {
  readonly bytes: Buffer
  length: number
  text: string
}

const userNames: LastName = { bytes: Buffer.alloc(OWNER_NAME_BYTES), length: 0, text: '' }
const groupNames: LastName = { bytes: Buffer.alloc(OWNER_NAME_BYTES), length: 0, text: '' }

function ownerName(block: Buffer, at: number, last: LastName): string {
  const end = endOfText(block, at, OWNER_NAME_BYTES)
  const length = end - at
  if (length === last.length && block.compare(last.bytes, 0, length, at, end) === 0) return last.text
  block.copy(last.bytes, 0, at, end)
  last.length = length
  last.text = block.toString('utf8', at, end)
  return last.text
}

function addLinkFields(member: Growing, block: Buffer, blockOffset: number, overrides: Overrides): void {
  const { kind } = member
  if (kind === 'symlink' || kind === 'hardlink') {
    const target = overrides.linkTarget ?? readBytes(block, FIELD.link, NAME_BYTES)
    if (target.length === 0)
      throw new FormatError('ARCHIVE_INVALID', blockOffset, `A ${kind} without a target`)
    member.linkTarget = kind === 'hardlink' ? relative(target) : target
  } else if (kind === 'character-device' || kind === 'block-device') {
    member.deviceMajor = overrides.deviceMajor ?? readNumber(block, FIELD.deviceMajor, 8, blockOffset)
    member.deviceMinor = overrides.deviceMinor ?? readNumber(block, FIELD.deviceMinor, 8, blockOffset)
  }
}

function addOptionalFields(member: Growing, overrides: Overrides): void {
  const { atimeNs, ctimeNs, aclAccess, aclDefault, xattrs, vendor } = overrides
  if (atimeNs !== undefined) member.atimeNs = atimeNs
  if (ctimeNs !== undefined) member.ctimeNs = ctimeNs
  if (aclAccess !== undefined) member.aclAccess = aclAccess
  if (aclDefault !== undefined) member.aclDefault = aclDefault
  if (xattrs !== undefined) member.xattrs = xattrs
  if (vendor !== undefined) member.vendor = vendor
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
