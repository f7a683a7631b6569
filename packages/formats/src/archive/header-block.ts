import { TAR_BLOCK_BYTES } from './member.ts'
import type { MemberKind } from './member.ts'
import type { HeaderFields } from './header-fields.ts'
import {
  CHECKSUM_SPACES,
  FIELD,
  MAX_OCTAL_11,
  MAX_OCTAL_7,
  NAME_BYTES,
  OWNER_NAME_BYTES,
  writeChecksum,
  writeMagic,
  writeOctal,
} from './ustar.ts'

const SLASH = 0x2f
const PAX_DIRECTORY = Buffer.from('PaxHeaders/')
const SPARSE_DIRECTORY = Buffer.from('GNUSparseFile.0/')
const PAX_TYPE_FLAG = 0x78

const TYPE_FLAG: Readonly<Record<MemberKind, number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  'character-device': 0x33,
  'block-device': 0x34,
  directory: 0x35,
  fifo: 0x36,
}

/** A header block with all that members of one kind and one owner have in common, and the sum of its bytes. */
interface Template {
  readonly uid: number
  readonly gid: number
  readonly userName: string | undefined
  readonly groupName: string | undefined
  readonly block: Uint8Array
  readonly sum: number
}

/** The last template of each kind: neighbours in a tree mostly differ in name, mode, size and time alone. */
const templates: Partial<Record<MemberKind, Template>> = {}

const paxTemplate = makePaxTemplate()

/** Writes the ustar header block of a member; what does not fit in it stands in the extended header, and is 0 or cut here. */
export function writeMemberBlock(
  member: HeaderFields,
  target: Buffer,
  at: number,
  storedBytes: number,
): void {
  const { path, linkTarget, kind, mtime } = member
  const last = templates[kind]
  const template = last !== undefined && isOf(last, member) ? last : (templates[kind] = makeTemplate(member))
  target.set(template.block, at)
  let sum = template.sum
  if (member.sparse !== undefined) {
    sum += writeBytes(target, at, SPARSE_DIRECTORY, 0, SPARSE_DIRECTORY.length)
    sum += writeLastName(target, at + SPARSE_DIRECTORY.length, path, NAME_BYTES - SPARSE_DIRECTORY.length)
  } else {
    const nameBytes = Math.min(path.length, NAME_BYTES)
    sum += writeBytes(target, at, path, 0, nameBytes)
    if (kind === 'directory' && nameBytes < NAME_BYTES) {
      target[at + nameBytes] = SLASH
      sum += SLASH
    }
  }
  sum += writeOctal(target, at + FIELD.mode, 7, member.mode)
  sum += writeOctal(target, at + FIELD.size, 11, fitting(storedBytes, MAX_OCTAL_11))
  const seconds = mtime.seconds < 0 ? 0 : Math.min(mtime.seconds, MAX_OCTAL_11)
  sum += writeOctal(target, at + FIELD.mtime, 11, seconds)
  if (linkTarget !== undefined)
    sum += writeBytes(target, at + FIELD.link, linkTarget, 0, Math.min(linkTarget.length, NAME_BYTES))
  if (member.deviceMajor !== undefined && member.deviceMinor !== undefined) {
    sum += writeOctal(target, at + FIELD.deviceMajor, 7, fitting(member.deviceMajor, MAX_OCTAL_7))
    sum += writeOctal(target, at + FIELD.deviceMinor, 7, fitting(member.deviceMinor, MAX_OCTAL_7))
  }
  writeChecksum(target, at, sum)
}

/** Writes the ustar header block of the extended header of the member with this path. */
export function writePaxHeaderBlock(path: Buffer, target: Buffer, at: number, bodyBytes: number): void {
  target.set(paxTemplate.block, at)
  let sum = paxTemplate.sum
  sum += writeLastName(target, at + PAX_DIRECTORY.length, path, NAME_BYTES - PAX_DIRECTORY.length)
  sum += writeOctal(target, at + FIELD.size, 11, bodyBytes)
  writeChecksum(target, at, sum)
}

function isOf(template: Template, { uid, gid, userName, groupName }: HeaderFields): boolean {
  return (
    template.uid === uid &&
    template.gid === gid &&
    template.userName === userName &&
    template.groupName === groupName
  )
}

function makeTemplate({ kind, uid, gid, userName, groupName }: HeaderFields): Template {
  const block = Buffer.alloc(TAR_BLOCK_BYTES)
  writeOctal(block, FIELD.uid, 7, fitting(uid, MAX_OCTAL_7))
  writeOctal(block, FIELD.gid, 7, fitting(gid, MAX_OCTAL_7))
  block[FIELD.type] = TYPE_FLAG[kind]
  writeOwnerField(block, FIELD.userName, userName)
  writeOwnerField(block, FIELD.groupName, groupName)
  writeMagic(block, 0)
  return { uid, gid, userName, groupName, block, sum: sumOf(block) }
}

function makePaxTemplate(): Pick<Template, 'block' | 'sum'> {
  const block = Buffer.alloc(TAR_BLOCK_BYTES)
  block.set(PAX_DIRECTORY)
  writeOctal(block, FIELD.mode, 7, 0o644)
  writeOctal(block, FIELD.uid, 7, 0)
  writeOctal(block, FIELD.gid, 7, 0)
  writeOctal(block, FIELD.mtime, 11, 0)
  block[FIELD.type] = PAX_TYPE_FLAG
  writeMagic(block, 0)
  return { block, sum: sumOf(block) }
}

/** Sum of a block without its checksum field, which counts as spaces. */
function sumOf(block: Uint8Array): number {
  let sum = CHECKSUM_SPACES
  for (const byte of block) sum += byte
  return sum
}

/** Writes the last component of a path, cut where it is too long; gives the sum of what it wrote. */
function writeLastName(target: Buffer, at: number, path: Buffer, most: number): number {
  let start = path.length
  while (start > 0 && path[start - 1] !== SLASH) start--
  return writeBytes(target, at, path, start, Math.min(path.length, start + most))
}

/** Writes `bytes` from `start` to `end`; gives their sum. */
function writeBytes(target: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  let sum = 0
  let position = at
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0
    target[position++] = byte
    sum += byte
  }
  return sum
}

function writeOwnerField(target: Buffer, at: number, name: string | undefined): void {
  if (name === undefined) return
  if (Buffer.byteLength(name) < OWNER_NAME_BYTES) target.write(name, at, 'utf8')
}

/** What does not fit stands in the extended header, and the ustar field is 0. */
function fitting(value: number, limit: number): number {
  return value <= limit ? value : 0
}
