import { isUtf8 } from 'node:buffer'
import { MAX_EXTENDED_HEADER_BYTES, MAX_SPARSE_REGIONS, TAR_BLOCK_BYTES, memberDataBytes } from './member.ts'
import type { ArchiveMember, DataRegion, MemberKind } from './member.ts'
import { paddingOf } from './member.ts'
import { writePaxNumber, writePaxRecord, writePaxTime } from './pax.ts'
import { maxSparseMapBytes, writeSparseMap } from './sparse-map.ts'
import {
  FIELD,
  MAX_OCTAL_11,
  MAX_OCTAL_7,
  NAME_BYTES,
  OWNER_NAME_BYTES,
  sealHeaderBlock,
  writeOctal,
} from './ustar.ts'

const SLASH = 0x2f
const NANOSECONDS = 1_000_000_000n
const MAX_SECONDS = 2n ** 53n
const PAX_DIRECTORY = Buffer.from('PaxHeaders/')
const SPARSE_DIRECTORY = Buffer.from('GNUSparseFile.0/')
const BINARY = Buffer.from('BINARY')
const XATTR_PREFIX = 'SCHILY.xattr.'
const VENDOR_KEY = /^[A-Za-z0-9._-]+$/
/** Room for two header blocks, the fixed numbers of a pax header and its padding. */
const FIXED_BYTES = 3 * TAR_BLOCK_BYTES + 512

const TYPE_FLAG: Readonly<Record<MemberKind, number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  'character-device': 0x33,
  'block-device': 0x34,
  directory: 0x35,
  fifo: 0x36,
}
const PAX_TYPE_FLAG = 0x78

/**
 * Upper bound of what {@link encodeMemberInto} writes for a member: cheap, a little too big.
 *
 * @param member - the member
 */
export function maxMemberHeaderBytes(member: ArchiveMember): number {
  let bytes = FIXED_BYTES + member.path.length + 40
  if (member.linkTarget !== undefined) bytes += member.linkTarget.length
  if (member.userName !== undefined) bytes += 3 * member.userName.length
  if (member.groupName !== undefined) bytes += 3 * member.groupName.length
  if (member.aclAccess !== undefined) bytes += 3 * member.aclAccess.length + 40
  if (member.aclDefault !== undefined) bytes += 3 * member.aclDefault.length + 40
  if (member.xattrs !== undefined)
    for (const xattr of member.xattrs) bytes += 3 * xattr.name.length + xattr.value.length + 40
  if (member.vendor !== undefined)
    for (const [key, value] of Object.entries(member.vendor)) bytes += key.length + 3 * value.length + 40
  if (member.sparse !== undefined) bytes += maxSparseMapBytes(member.sparse.length)
  return bytes
}

/**
 * The header of a member: a pax extended header where plain ustar cannot say all, the ustar header, and the map of a
 * sparse file. {@link memberDataBytes} bytes of data and their {@link paddingOf} follow in the stream.
 *
 * @param member - the member
 * @returns a multiple of 512 bytes
 * @throws TypeError - a field is out of its documented range, or the extended header is over
 *   {@link MAX_EXTENDED_HEADER_BYTES}
 */
export function encodeMember(member: ArchiveMember): Buffer {
  const target = Buffer.allocUnsafe(maxMemberHeaderBytes(member))
  return target.subarray(0, encodeMemberInto(member, target, 0))
}

/**
 * {@link encodeMember} straight into a buffer that the caller owns: no allocation for ordinary members.
 *
 * @param member - the member
 * @param target - buffer to write to
 * @param offset - where to write; {@link maxMemberHeaderBytes} bytes must be free from there
 * @returns bytes written, a multiple of 512
 * @throws RangeError - too little room
 * @throws TypeError - as {@link encodeMember}
 */
export function encodeMemberInto(member: ArchiveMember, target: Buffer, offset: number): number {
  if (target.length - offset < maxMemberHeaderBytes(member))
    throw new RangeError(`${target.length - offset} bytes are too few for the header of a member`)
  checkMember(member)
  const body = offset + TAR_BLOCK_BYTES
  let end = writePaxBody(member, target, body)
  let header = offset
  if (end > body) {
    const bodyBytes = end - body
    if (bodyBytes > MAX_EXTENDED_HEADER_BYTES)
      throw new TypeError(`the extended header of the member has ${bodyBytes} bytes, too many`)
    header = end + paddingOf(bodyBytes)
    target.fill(0, end, header)
    writePaxHeaderBlock(member, target, offset, bodyBytes)
  }
  end = header + TAR_BLOCK_BYTES
  let storedBytes = memberDataBytes(member)
  if (member.sparse !== undefined) {
    end = writeSparseMap(target, end, member.sparse, member.sizeBytes)
    storedBytes += end - header - TAR_BLOCK_BYTES
  }
  writeMemberBlock(member, target, header, storedBytes)
  return end - offset
}

/** Only the keywords that ustar has no room for. */
function writePaxBody(member: ArchiveMember, target: Buffer, start: number): number {
  let at = start
  const { path, linkTarget, sparse } = member
  const pathBytes = path.length + (member.kind === 'directory' ? 1 : 0)
  const paxPath = pathBytes > NAME_BYTES || sparse !== undefined ? path : undefined
  const paxLink = linkTarget !== undefined && linkTarget.length > NAME_BYTES ? linkTarget : undefined
  // Names in an extended header are UTF-8 unless it says that they are bytes: bsdtar complains, GNU tar does not care.
  if ((paxPath !== undefined && !isUtf8(paxPath)) || (paxLink !== undefined && !isUtf8(paxLink)))
    at = writePaxRecord(target, at, 'hdrcharset', BINARY)
  if (paxPath !== undefined && sparse === undefined) at = writePaxPath(member, target, at)
  if (paxLink !== undefined) at = writePaxRecord(target, at, 'linkpath', paxLink)
  const fraction = member.mtimeNs % NANOSECONDS
  if (fraction !== 0n || member.mtimeNs < 0n || member.mtimeNs / NANOSECONDS > MAX_OCTAL_11)
    at = writePaxTime(target, at, 'mtime', member.mtimeNs)
  if (member.atimeNs !== undefined) at = writePaxTime(target, at, 'atime', member.atimeNs)
  if (member.ctimeNs !== undefined) at = writePaxTime(target, at, 'ctime', member.ctimeNs)
  if (member.uid > MAX_OCTAL_7) at = writePaxNumber(target, at, 'uid', member.uid)
  if (member.gid > MAX_OCTAL_7) at = writePaxNumber(target, at, 'gid', member.gid)
  at = writeOwnerName(target, at, 'uname', member.userName)
  at = writeOwnerName(target, at, 'gname', member.groupName)
  if (sparse !== undefined) at = writeSparseRecords(member, sparse, target, at)
  else if (member.kind === 'file' && member.sizeBytes > MAX_OCTAL_11)
    at = writePaxNumber(target, at, 'size', member.sizeBytes)
  if (member.xattrs !== undefined)
    for (const { name, value } of member.xattrs)
      at = writePaxRecord(target, at, XATTR_PREFIX + escapeXattrName(name), value)
  if (member.aclAccess !== undefined)
    at = writePaxRecord(target, at, 'SCHILY.acl.access', Buffer.from(member.aclAccess))
  if (member.aclDefault !== undefined)
    at = writePaxRecord(target, at, 'SCHILY.acl.default', Buffer.from(member.aclDefault))
  if ((member.deviceMajor ?? 0) > MAX_OCTAL_7)
    at = writePaxNumber(target, at, 'SCHILY.devmajor', member.deviceMajor ?? 0)
  if ((member.deviceMinor ?? 0) > MAX_OCTAL_7)
    at = writePaxNumber(target, at, 'SCHILY.devminor', member.deviceMinor ?? 0)
  if (member.vendor !== undefined)
    for (const [key, value] of Object.entries(member.vendor))
      at = writePaxRecord(target, at, `NB.${key}`, Buffer.from(value))
  return at
}

function writePaxPath(member: ArchiveMember, target: Buffer, at: number): number {
  const path = member.kind === 'directory' ? Buffer.concat([member.path, Buffer.from('/')]) : member.path
  return writePaxRecord(target, at, 'path', path)
}

function writeOwnerName(target: Buffer, at: number, keyword: string, name: string | undefined): number {
  if (name === undefined || name.length * 3 < OWNER_NAME_BYTES || Buffer.byteLength(name) < OWNER_NAME_BYTES)
    return at
  return writePaxRecord(target, at, keyword, Buffer.from(name))
}

function writeSparseRecords(
  member: ArchiveMember,
  regions: readonly DataRegion[],
  target: Buffer,
  start: number,
): number {
  let at = writePaxNumber(target, start, 'GNU.sparse.major', 1)
  at = writePaxNumber(target, at, 'GNU.sparse.minor', 0)
  at = writePaxRecord(target, at, 'GNU.sparse.name', member.path)
  at = writePaxNumber(target, at, 'GNU.sparse.realsize', member.sizeBytes)
  const storedBytes = memberDataBytes(member) + maxSparseMapBytes(regions.length)
  if (storedBytes <= MAX_OCTAL_11) return at
  // The map is written after this record; its exact size is known by writing it where it may be overwritten.
  const mapBytes = writeSparseMap(target, at, regions, member.sizeBytes) - at
  return writePaxNumber(target, at, 'size', memberDataBytes(member) + mapBytes)
}

/** GNU tar's own escape, as a keyword ends at the first `=`. */
function escapeXattrName(name: Buffer): string {
  return name.toString('latin1').replaceAll('%', '%25').replaceAll('=', '%3D')
}

function writePaxHeaderBlock(member: ArchiveMember, target: Buffer, at: number, bodyBytes: number): void {
  target.fill(0, at, at + TAR_BLOCK_BYTES)
  const { path } = member
  const name = path.subarray(path.lastIndexOf(SLASH) + 1)
  target.set(PAX_DIRECTORY, at)
  target.set(name.subarray(0, NAME_BYTES - PAX_DIRECTORY.length), at + PAX_DIRECTORY.length)
  writeOctal(target, at + FIELD.mode, 7, 0o644)
  writeOctal(target, at + FIELD.uid, 7, 0)
  writeOctal(target, at + FIELD.gid, 7, 0)
  writeOctal(target, at + FIELD.size, 11, bodyBytes)
  writeOctal(target, at + FIELD.mtime, 11, 0)
  target[at + FIELD.type] = PAX_TYPE_FLAG
  sealHeaderBlock(target, at)
}

function writeMemberBlock(member: ArchiveMember, target: Buffer, at: number, storedBytes: number): void {
  target.fill(0, at, at + TAR_BLOCK_BYTES)
  const { path, linkTarget } = member
  if (member.sparse !== undefined) {
    const name = path.subarray(path.lastIndexOf(SLASH) + 1)
    target.set(SPARSE_DIRECTORY, at)
    target.set(name.subarray(0, NAME_BYTES - SPARSE_DIRECTORY.length), at + SPARSE_DIRECTORY.length)
  } else {
    const nameBytes = path.copy(target, at, 0, Math.min(path.length, NAME_BYTES))
    if (member.kind === 'directory' && nameBytes < NAME_BYTES) target[at + nameBytes] = SLASH
  }
  writeOctal(target, at + FIELD.mode, 7, member.mode)
  writeOctal(target, at + FIELD.uid, 7, fitting(member.uid, MAX_OCTAL_7))
  writeOctal(target, at + FIELD.gid, 7, fitting(member.gid, MAX_OCTAL_7))
  writeOctal(target, at + FIELD.size, 11, fitting(storedBytes, MAX_OCTAL_11))
  writeOctal(target, at + FIELD.mtime, 11, ustarSeconds(member.mtimeNs))
  target[at + FIELD.type] = TYPE_FLAG[member.kind]
  if (linkTarget !== undefined)
    linkTarget.copy(target, at + FIELD.link, 0, Math.min(linkTarget.length, NAME_BYTES))
  writeOwnerField(target, at + FIELD.userName, member.userName)
  writeOwnerField(target, at + FIELD.groupName, member.groupName)
  if (member.deviceMajor !== undefined && member.deviceMinor !== undefined) {
    writeOctal(target, at + FIELD.deviceMajor, 7, fitting(member.deviceMajor, MAX_OCTAL_7))
    writeOctal(target, at + FIELD.deviceMinor, 7, fitting(member.deviceMinor, MAX_OCTAL_7))
  }
  sealHeaderBlock(target, at)
}

function writeOwnerField(target: Buffer, at: number, name: string | undefined): void {
  if (name === undefined) return
  if (Buffer.byteLength(name) < OWNER_NAME_BYTES) target.write(name, at, 'utf8')
}

/** What does not fit stands in the extended header, and the ustar field is 0. */
function fitting(value: number, limit: number): number {
  return value <= limit ? value : 0
}

function ustarSeconds(timeNs: bigint): number {
  if (timeNs < 0n) return 0
  return Math.min(Number(timeNs / NANOSECONDS), MAX_OCTAL_11)
}

function checkMember(member: ArchiveMember): void {
  const { path, linkTarget, kind, sparse } = member
  if (path.length === 0 || path[0] === SLASH || path[path.length - 1] === SLASH || path.includes(0))
    throw new TypeError('path must be relative, not empty, without a trailing slash and without NUL')
  checkCount(member.mode, 'mode', 0o7777)
  checkCount(member.uid, 'uid')
  checkCount(member.gid, 'gid')
  checkCount(member.sizeBytes, 'sizeBytes')
  const seconds = member.mtimeNs / NANOSECONDS
  if (seconds > MAX_SECONDS || seconds < -MAX_SECONDS) throw new TypeError('mtimeNs is out of range')
  if (kind === 'symlink' || kind === 'hardlink') {
    if (linkTarget === undefined || linkTarget.length === 0 || linkTarget.includes(0))
      throw new TypeError(`a ${kind} needs a linkTarget without NUL`)
  } else if (linkTarget !== undefined) throw new TypeError(`a ${kind} has no linkTarget`)
  if (kind === 'character-device' || kind === 'block-device') {
    checkCount(member.deviceMajor, 'deviceMajor')
    checkCount(member.deviceMinor, 'deviceMinor')
  }
  if (sparse !== undefined) checkSparse(member, sparse)
  if (member.xattrs !== undefined)
    for (const { name } of member.xattrs)
      if (name.length === 0 || name.includes(0)) throw new TypeError('an attribute needs a name without NUL')
  if (member.vendor !== undefined)
    for (const key of Object.keys(member.vendor))
      if (!VENDOR_KEY.test(key)) throw new TypeError(`${key} is no vendor keyword`)
}

function checkCount(value: number | undefined, name: string, limit: number = Number.MAX_SAFE_INTEGER): void {
  if (value === undefined || !Number.isSafeInteger(value) || value < 0 || value > limit)
    throw new TypeError(`${name} must be a whole number from 0 to ${limit}`)
}

function checkSparse(member: ArchiveMember, regions: readonly DataRegion[]): void {
  if (member.kind !== 'file') throw new TypeError('only a file can be sparse')
  if (regions.length > MAX_SPARSE_REGIONS) throw new TypeError(`more than ${MAX_SPARSE_REGIONS} regions`)
  let end = 0
  for (const region of regions) {
    checkCount(region.offset, 'offset of a region')
    checkCount(region.length, 'length of a region')
    if (region.offset < end || region.length === 0) throw new TypeError('regions must ascend and hold bytes')
    end = region.offset + region.length
    if (region.length % TAR_BLOCK_BYTES !== 0 && end !== member.sizeBytes)
      throw new TypeError('a region must be whole blocks of 512 unless the file ends with it')
  }
  if (end > member.sizeBytes) throw new TypeError('a region lies beyond the end of the file')
}
