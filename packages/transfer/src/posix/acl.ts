/** Extended attribute in which Linux keeps a file's access ACL. */
export const ACCESS_ACL_ATTRIBUTE = 'system.posix_acl_access'
/** Extended attribute in which Linux keeps a directory's default ACL. */
export const DEFAULT_ACL_ATTRIBUTE = 'system.posix_acl_default'

/** Whom an entry of a POSIX.1e ACL speaks of. */
export type AclTag = 'user-owner' | 'user' | 'group-owner' | 'group' | 'mask' | 'other'

/** One entry of a POSIX.1e ACL. */
export interface AclEntry {
  readonly tag: AclTag
  /** User or group number for `user` and `group`, else `undefined`. */
  readonly id: number | undefined
  /** Permission bits: 4 read, 2 write, 1 execute. */
  readonly permissions: number
}

/** Finds numbers for names in an ACL text that another tool wrote. */
export interface AclNames {
  user(name: string): number | undefined
  group(name: string): number | undefined
}

/** An ACL, in text or in bytes, that does not follow its form. `code` is `ACL_MALFORMED`. */
export class AclFormatError extends Error {
  override readonly name: string = 'AclFormatError'
  readonly code = 'ACL_MALFORMED'
}

// include/uapi/linux/posix_acl.h and posix_acl_xattr.h: 32-bit version, then tag 16, permissions 16, id 32.
const VERSION = 2
const HEADER_BYTES = 4
const ENTRY_BYTES = 8
const NO_ID = 0xffff_ffff

const tagNumbers: readonly (readonly [AclTag, number])[] = [
  ['user-owner', 0x01],
  ['user', 0x02],
  ['group-owner', 0x04],
  ['group', 0x08],
  ['mask', 0x10],
  ['other', 0x20],
]

/**
 * Reads the kernel's form of an ACL.
 *
 * @throws {@link AclFormatError} where the bytes are not version 2 of that form.
 */
export function decodeAcl(bytes: Uint8Array): AclEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || (bytes.length - HEADER_BYTES) % ENTRY_BYTES !== 0) {
    throw new AclFormatError(`an ACL cannot be ${bytes.length} bytes long`)
  }
  const version = view.getUint32(0, true)
  if (version !== VERSION) throw new AclFormatError(`ACL version ${version}, expected ${VERSION}`)
  const entries: AclEntry[] = []
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const number = view.getUint16(at, true)
    const tag = tagNumbers.find(([, n]) => n === number)?.[0]
    if (tag === undefined) throw new AclFormatError(`ACL tag ${number}`)
    const id = tag === 'user' || tag === 'group' ? view.getUint32(at + 4, true) : undefined
    entries.push({ tag, id, permissions: view.getUint16(at + 2, true) & 7 })
  }
  return entries
}

/** Writes the kernel's form of an ACL, entries in the order the kernel demands. */
export function encodeAcl(entries: readonly AclEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => tagNumber(a.tag) - tagNumber(b.tag) || (a.id ?? 0) - (b.id ?? 0))
  const bytes = Buffer.alloc(HEADER_BYTES + sorted.length * ENTRY_BYTES)
  bytes.writeUInt32LE(VERSION, 0)
  sorted.forEach((entry, index) => {
    const at = HEADER_BYTES + index * ENTRY_BYTES
    bytes.writeUInt16LE(tagNumber(entry.tag), at)
    bytes.writeUInt16LE(entry.permissions, at + 2)
    bytes.writeUInt32LE(entry.id ?? NO_ID, at + 4)
  })
  return bytes
}

/** The ACL as GNU tar, star and bsdtar keep it in an archive: `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`. */
export function formatAclText(entries: readonly AclEntry[]): string {
  return entries.map((entry) => `${words[entry.tag]}:${entry.id ?? ''}:${rwx(entry.permissions)}`).join(',')
}

/**
 * Reads an ACL text: commas or line ends between entries, one-letter tags, `default:` in front and star's
 * fourth field (the number beside a name) are understood. A name that is no number is asked of `names`.
 *
 * @throws {@link AclFormatError} where it is no ACL, or a name has no number here.
 */
export function parseAclText(text: string, names?: AclNames): AclEntry[] {
  return text
    .split(/[,\n]/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => parseEntry(line, names))
}

function parseEntry(line: string, names: AclNames | undefined): AclEntry {
  const fields = line.replace(/^d(?:efault)?:/, '').split(':')
  // `mask:r--` and `other:r--` come with one colon from some tools.
  if (fields.length === 2) fields.splice(1, 0, '')
  const [word = '', qualifier = '', letters = '', star = ''] = fields
  const kind = kinds.get(word)
  if (kind === undefined || fields.length > 4) throw new AclFormatError(`ACL entry ${JSON.stringify(line)}`)
  const permissions = parsePermissions(letters, line)
  const named = kind === 'user' || kind === 'group'
  if (!named) return { tag: kind, id: undefined, permissions }
  if (qualifier === '')
    return { tag: kind === 'user' ? 'user-owner' : 'group-owner', id: undefined, permissions }
  const id = parseId(star) ?? parseId(qualifier) ?? names?.[kind](qualifier)
  if (id === undefined) throw new AclFormatError(`ACL entry ${JSON.stringify(line)} names nobody known here`)
  return { tag: kind, id, permissions }
}

function parsePermissions(letters: string, line: string): number {
  if (!/^[r-]?[w-]?[x-]?$/.test(letters)) throw new AclFormatError(`ACL entry ${JSON.stringify(line)}`)
  return (letters.includes('r') ? 4 : 0) | (letters.includes('w') ? 2 : 0) | (letters.includes('x') ? 1 : 0)
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id < NO_ID ? id : undefined
}

function tagNumber(tag: AclTag): number {
  return tagNumbers.find(([name]) => name === tag)?.[1] ?? 0
}

const words: Record<AclTag, string> = {
  'user-owner': 'user',
  user: 'user',
  'group-owner': 'group',
  group: 'group',
  mask: 'mask',
  other: 'other',
}

const kinds = new Map<string, 'user' | 'group' | 'mask' | 'other'>([
  ['user', 'user'],
  ['u', 'user'],
  ['group', 'group'],
  ['g', 'group'],
  ['mask', 'mask'],
  ['m', 'mask'],
  ['other', 'other'],
  ['o', 'other'],
])

function rwx(permissions: number): string {
  return `${permissions & 4 ? 'r' : '-'}${permissions & 2 ? 'w' : '-'}${permissions & 1 ? 'x' : '-'}`
}
