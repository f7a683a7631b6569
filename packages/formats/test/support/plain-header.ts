// The header of a member, written field by field and summed byte by byte: what the encoder must write, however it does it.
import { isUtf8 } from 'node:buffer'
import type { ArchiveMember, DataRegion, MemberKind } from '../../src/index.ts'
import { memberDataBytes, paddingOf } from '../../src/index.ts'

const typeFlags: Readonly<Record<MemberKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
}
const most7 = 0o7777777
const most11 = 0o77777777777

/** The header that `encodeMember` must write. */
export function plainHeader(member: ArchiveMember): Buffer {
  const map = member.sparse === undefined ? Buffer.alloc(0) : padded(mapOf(member, member.sparse))
  const storedBytes = memberDataBytes(member) + map.length
  const body = Buffer.concat(recordsOf(member, storedBytes))
  const own = block({
    ...member,
    name:
      member.sparse === undefined ? nameOf(member) : [Buffer.from('GNUSparseFile.0/'), lastName(member.path)],
    sizeBytes: storedBytes <= most11 ? storedBytes : 0,
    typeFlag: typeFlags[member.kind],
  })
  if (body.length === 0) return Buffer.concat([own, map])
  const head = block({
    name: [Buffer.from('PaxHeaders/'), lastName(member.path)],
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    sizeBytes: body.length,
    typeFlag: 'x',
  })
  return Buffer.concat([head, padded(body), own, map])
}

function nameOf({ kind, path }: ArchiveMember): Buffer[] {
  return kind === 'directory' ? [path, Buffer.from('/')] : [path]
}

function lastName(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf('/') + 1)
}

interface Block extends Pick<ArchiveMember, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'sizeBytes'> {
  readonly name: readonly Buffer[]
  readonly typeFlag: string
  readonly linkTarget?: Buffer
  readonly userName?: string
  readonly groupName?: string
  readonly deviceMajor?: number
  readonly deviceMinor?: number
}

function block(fields: Block): Buffer {
  const bytes = Buffer.alloc(512)
  Buffer.concat(fields.name).copy(bytes, 0, 0, 100)
  const octal = (at: number, digits: number, value: number): unknown =>
    bytes.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  const within = (value: number): number => (value <= most7 ? value : 0)
  octal(100, 7, fields.mode)
  octal(108, 7, within(fields.uid))
  octal(116, 7, within(fields.gid))
  octal(124, 11, fields.sizeBytes)
  octal(136, 11, fields.mtimeNs < 0n ? 0 : Math.min(Number(fields.mtimeNs / 1_000_000_000n), most11))
  bytes.write('        ', 148)
  bytes.write(fields.typeFlag, 156)
  fields.linkTarget?.copy(bytes, 157, 0, 100)
  bytes.write('ustar\x0000', 257, 'latin1')
  const owner = (at: number, name = ''): unknown => (Buffer.byteLength(name) < 32 ? bytes.write(name, at) : 0)
  owner(265, fields.userName)
  owner(297, fields.groupName)
  if (fields.deviceMajor !== undefined && fields.deviceMinor !== undefined) {
    octal(329, 7, within(fields.deviceMajor))
    octal(337, 7, within(fields.deviceMinor))
  }
  octal(
    148,
    6,
    bytes.reduce((sum, byte) => sum + byte, 0),
  )
  bytes.write('\x00 ', 154, 'latin1')
  return bytes
}

function recordsOf(member: ArchiveMember, storedBytes: number): Buffer[] {
  const { path, linkTarget = Buffer.alloc(0), sparse, kind, userName = '', groupName = '' } = member
  const records: Buffer[] = []
  const add = (keyword: string, value: Uint8Array | string | number): void => {
    const bytes = typeof value === 'object' ? value : Buffer.from(String(value))
    records.push(record(keyword, bytes))
  }
  const time = (keyword: string, ns: bigint): void => add(keyword, decimalTime(ns))
  const isLong = Buffer.concat(nameOf(member)).length > 100
  const binary = [...(isLong || sparse ? [path] : []), ...(linkTarget.length > 100 ? [linkTarget] : [])]
  if (!binary.every((bytes) => isUtf8(bytes))) add('hdrcharset', 'BINARY')
  if (isLong && sparse === undefined) add('path', Buffer.concat(nameOf(member)))
  if (linkTarget.length > 100) add('linkpath', linkTarget)
  const { mtimeNs } = member
  if (mtimeNs < 0n || mtimeNs % 1_000_000_000n !== 0n || mtimeNs / 1_000_000_000n > most11)
    time('mtime', mtimeNs)
  if (member.atimeNs !== undefined) time('atime', member.atimeNs)
  if (member.ctimeNs !== undefined) time('ctime', member.ctimeNs)
  if (member.uid > most7) add('uid', member.uid)
  if (member.gid > most7) add('gid', member.gid)
  if (Buffer.byteLength(userName) > 31) add('uname', userName)
  if (Buffer.byteLength(groupName) > 31) add('gname', groupName)
  if (sparse !== undefined) {
    add('GNU.sparse.major', 1)
    add('GNU.sparse.minor', 0)
    add('GNU.sparse.name', path)
    add('GNU.sparse.realsize', member.sizeBytes)
  } else if (kind === 'file' && storedBytes > most11) add('size', storedBytes)
  for (const { name, value } of member.xattrs ?? [])
    add(`SCHILY.xattr.${name.toString('latin1').replaceAll('%', '%25').replaceAll('=', '%3D')}`, value)
  if (member.aclAccess !== undefined) add('SCHILY.acl.access', member.aclAccess)
  if (member.aclDefault !== undefined) add('SCHILY.acl.default', member.aclDefault)
  if ((member.deviceMajor ?? 0) > most7) add('SCHILY.devmajor', member.deviceMajor ?? 0)
  if ((member.deviceMinor ?? 0) > most7) add('SCHILY.devminor', member.deviceMinor ?? 0)
  for (const [key, value] of Object.entries(member.vendor ?? {})) add(`NB.${key}`, value)
  return records
}

function record(keyword: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`, 'latin1'), value, Buffer.from('\n')])
  let digits = 1
  while (String(rest.length + digits).length !== digits) digits++
  return Buffer.concat([Buffer.from(String(rest.length + digits)), rest])
}

function decimalTime(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns
  const fraction = String(magnitude % 1_000_000_000n).padStart(9, '0')
  return `${ns < 0n ? '-' : ''}${magnitude / 1_000_000_000n}.${fraction}`
}

function mapOf({ sizeBytes }: ArchiveMember, regions: readonly DataRegion[]): Buffer {
  const last = regions.at(-1)
  const endsInHole = last === undefined || last.offset + last.length < sizeBytes
  const all = endsInHole ? [...regions, { offset: sizeBytes, length: 0 }] : regions
  return Buffer.from([all.length, ...all.flatMap(({ offset, length }) => [offset, length])].join('\n') + '\n')
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(paddingOf(bytes.length))])
}
