import { isUtf8 } from 'node:buffer'
import type { Instant } from '../instant.ts'
import type { HeaderFields } from './header-fields.ts'
import { memberDataBytes } from './member.ts'
import type { DataRegion } from './member.ts'
import { writePaxNumber, writePaxRecord, writePaxTime } from './pax.ts'
import { maxSparseMapBytes, writeSparseMap } from './sparse-map.ts'
import { MAX_OCTAL_11, MAX_OCTAL_7, NAME_BYTES, OWNER_NAME_BYTES } from './ustar.ts'

const BINARY = Buffer.from('BINARY')
const XATTR_PREFIX = 'SCHILY.xattr.'
const SLASH = Buffer.from('/')

/**
 * Writes the records of a member's extended header: only the keywords that ustar has no room for.
 *
 * @returns offset after the last record; `start` where there is none
 */
export function writePaxBody(member: HeaderFields, target: Buffer, start: number): number {
  let at = start
  const { path, linkTarget, sparse, kind, mtime } = member
  const pathBytes = path.length + (kind === 'directory' ? 1 : 0)
  const paxPath = pathBytes > NAME_BYTES || sparse !== undefined ? path : undefined
  const paxLink = linkTarget !== undefined && linkTarget.length > NAME_BYTES ? linkTarget : undefined
  // Names in an extended header are UTF-8 unless it says that they are bytes: bsdtar complains, GNU tar does not care.
  if ((paxPath !== undefined && !isUtf8(paxPath)) || (paxLink !== undefined && !isUtf8(paxLink)))
    at = writePaxRecord(target, at, 'hdrcharset', BINARY)
  if (paxPath !== undefined && sparse === undefined) {
    const whole = kind === 'directory' ? Buffer.concat([path, SLASH]) : path
    at = writePaxRecord(target, at, 'path', whole)
  }
  if (paxLink !== undefined) at = writePaxRecord(target, at, 'linkpath', paxLink)
  if (!fitsUstar(mtime)) at = writePaxTime(target, at, 'mtime', mtime)
  if (member.atime !== undefined) at = writePaxTime(target, at, 'atime', member.atime)
  if (member.ctime !== undefined) at = writePaxTime(target, at, 'ctime', member.ctime)
  if (member.uid > MAX_OCTAL_7) at = writePaxNumber(target, at, 'uid', member.uid)
  if (member.gid > MAX_OCTAL_7) at = writePaxNumber(target, at, 'gid', member.gid)
  at = writeOwnerName(target, at, 'uname', member.userName)
  at = writeOwnerName(target, at, 'gname', member.groupName)
  if (sparse !== undefined) at = writeSparseRecords(member, sparse, target, at)
  else if (kind === 'file' && member.sizeBytes > MAX_OCTAL_11)
    at = writePaxNumber(target, at, 'size', member.sizeBytes)
  return writeRare(member, target, at)
}

function fitsUstar({ seconds, nanos }: Instant): boolean {
  return nanos === 0 && seconds >= 0 && seconds <= MAX_OCTAL_11
}

function writeRare(member: HeaderFields, target: Buffer, start: number): number {
  let at = start
  const { xattrs, aclAccess, aclDefault, deviceMajor = 0, deviceMinor = 0, vendor } = member
  if (xattrs !== undefined)
    for (const { name, value } of xattrs)
      at = writePaxRecord(target, at, XATTR_PREFIX + escapeXattrName(name), value)
  if (aclAccess !== undefined) at = writePaxRecord(target, at, 'SCHILY.acl.access', Buffer.from(aclAccess))
  if (aclDefault !== undefined) at = writePaxRecord(target, at, 'SCHILY.acl.default', Buffer.from(aclDefault))
  if (deviceMajor > MAX_OCTAL_7) at = writePaxNumber(target, at, 'SCHILY.devmajor', deviceMajor)
  if (deviceMinor > MAX_OCTAL_7) at = writePaxNumber(target, at, 'SCHILY.devminor', deviceMinor)
  if (vendor !== undefined)
    for (const [key, value] of Object.entries(vendor))
      at = writePaxRecord(target, at, `NB.${key}`, Buffer.from(value))
  return at
}

function writeOwnerName(target: Buffer, at: number, keyword: string, name: string | undefined): number {
  if (name === undefined || name.length * 3 < OWNER_NAME_BYTES || Buffer.byteLength(name) < OWNER_NAME_BYTES)
    return at
  return writePaxRecord(target, at, keyword, Buffer.from(name))
}

function writeSparseRecords(
  member: HeaderFields,
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
