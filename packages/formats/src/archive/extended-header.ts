import { FormatError } from '../format-error.ts'
import type { ExtendedAttribute } from './member.ts'
import { parsePaxNumber, parsePaxTime, readPaxRecords } from './pax.ts'
import type { PaxRecord } from './pax.ts'

/** What extended headers say about the next member; each field overrides the ustar header's. */
export interface Overrides {
  path?: Buffer
  linkTarget?: Buffer
  sizeBytes?: number
  uid?: number
  gid?: number
  userName?: string
  groupName?: string
  mtimeNs?: bigint
  atimeNs?: bigint
  ctimeNs?: bigint
  deviceMajor?: number
  deviceMinor?: number
  aclAccess?: string
  aclDefault?: string
  xattrs?: ExtendedAttribute[]
  vendor?: Record<string, string>
  sparseMajor?: number
  sparseMinor?: number
  sparseName?: Buffer
  sparseRealSize?: number
  /** Attributes and vendor keywords so far: bounded, as each costs more memory than it has bytes. */
  extras: number
}

/** What stands before the first extended header. */
export function noOverrides(): Overrides {
  return { extras: 0 }
}

const XATTR_PREFIX = 'SCHILY.xattr.'
const VENDOR_PREFIX = 'NB.'
const MAX_EXTRAS = 65_536

type Setter = (overrides: Overrides, value: Buffer, offset: number) => void

const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['path', (to, value, offset) => (to.path = checkedName(value, offset))],
  ['linkpath', (to, value, offset) => (to.linkTarget = checkedName(value, offset))],
  ['size', (to, value, offset) => (to.sizeBytes = parsePaxNumber(value, offset))],
  ['uid', (to, value, offset) => (to.uid = parsePaxNumber(value, offset))],
  ['gid', (to, value, offset) => (to.gid = parsePaxNumber(value, offset))],
  ['uname', (to, value) => (to.userName = value.toString())],
  ['gname', (to, value) => (to.groupName = value.toString())],
  ['mtime', (to, value, offset) => (to.mtimeNs = parsePaxTime(value, offset))],
  ['atime', (to, value, offset) => (to.atimeNs = parsePaxTime(value, offset))],
  ['ctime', (to, value, offset) => (to.ctimeNs = parsePaxTime(value, offset))],
  ['SCHILY.devmajor', (to, value, offset) => (to.deviceMajor = parsePaxNumber(value, offset))],
  ['SCHILY.devminor', (to, value, offset) => (to.deviceMinor = parsePaxNumber(value, offset))],
  ['SCHILY.acl.access', (to, value) => (to.aclAccess = value.toString())],
  ['SCHILY.acl.default', (to, value) => (to.aclDefault = value.toString())],
  ['GNU.sparse.major', (to, value, offset) => (to.sparseMajor = parsePaxNumber(value, offset))],
  ['GNU.sparse.minor', (to, value, offset) => (to.sparseMinor = parsePaxNumber(value, offset))],
  ['GNU.sparse.name', (to, value, offset) => (to.sparseName = checkedName(value, offset))],
  ['GNU.sparse.realsize', (to, value, offset) => (to.sparseRealSize = parsePaxNumber(value, offset))],
  ['GNU.sparse.map', refuseOldSparse],
  ['GNU.sparse.numblocks', refuseOldSparse],
])

/**
 * Reads a pax extended header into what it overrides. Keywords that are unknown are ignored, as POSIX asks; a later
 * record overrides an earlier one.
 *
 * @param body - the header's data; the result holds views of it
 * @param bodyOffset - its stream offset, for errors
 * @param overrides - what earlier headers said; changed in place
 * @throws FormatError `ARCHIVE_INVALID`, `ARCHIVE_UNSUPPORTED`
 */
export function applyExtendedHeader(body: Buffer, bodyOffset: number, overrides: Overrides): void {
  for (const record of readPaxRecords(body, bodyOffset)) applyRecord(record, bodyOffset, overrides)
}

function applyRecord({ keyword, value }: PaxRecord, offset: number, overrides: Overrides): void {
  const setter = SETTERS.get(keyword)
  if (setter !== undefined) {
    // An empty value takes back what an earlier header said.
    if (value.length > 0) setter(overrides, value, offset)
  } else if (keyword.startsWith(XATTR_PREFIX)) {
    const name = Buffer.from(unescapeXattrName(keyword.slice(XATTR_PREFIX.length)), 'latin1')
    if (name.length === 0 || name.includes(0))
      throw new FormatError('ARCHIVE_INVALID', offset, 'An extended attribute has no usable name')
    overrides.xattrs ??= []
    overrides.xattrs.push({ name, value })
    checkCount(++overrides.extras, offset)
  } else if (keyword.startsWith(VENDOR_PREFIX)) {
    overrides.vendor ??= Object.create(null) as Record<string, string>
    overrides.vendor[keyword.slice(VENDOR_PREFIX.length)] = value.toString()
    checkCount(++overrides.extras, offset)
  }
}

function unescapeXattrName(name: string): string {
  return name.replaceAll('%3D', '=').replaceAll('%25', '%')
}

function checkCount(count: number, offset: number): void {
  if (count > MAX_EXTRAS)
    throw new FormatError('ARCHIVE_LIMIT', offset, `A member with more than ${MAX_EXTRAS} attributes`)
}

function checkedName(value: Buffer, offset: number): Buffer {
  if (value.includes(0)) throw new FormatError('ARCHIVE_INVALID', offset, 'A name holds a NUL byte')
  return value
}

function refuseOldSparse(_to: Overrides, _value: Buffer, offset: number): void {
  throw new FormatError('ARCHIVE_UNSUPPORTED', offset, 'A sparse member of GNU format 0.x; only 1.0 is read')
}
