import { encodeMember, encodeMemberInto } from '../archive/encode-member.ts'
import { TAR_BLOCK_BYTES } from '../archive/member.ts'
import type { ArchiveMember } from '../archive/member.ts'
import { MAX_OCTAL_11 } from '../archive/ustar.ts'
import { checksumOf, checksumText } from '../checksum.ts'
import { FormatError } from '../format-error.ts'

/** The directory in a fragment's tar that holds what is ours. */
export const NB_DIRECTORY = '.nb/'

const UNCHECKED = '0000000000000000'
const CHECK_PREFIX = '{"check":"'
const CHECK_AT = TAR_BLOCK_BYTES + CHECK_PREFIX.length
const CHECK_END = CHECK_AT + UNCHECKED.length
const NEWLINE = 0x0a

/** The tar header of one of our own members: a plain file, readable by all. */
export function encodeOwnMember(name: string, sizeBytes: number, created: string): Buffer {
  return encodeMember(ownMember(name, sizeBytes, created))
}

/** Bytes of what {@link encodeOwnMember} makes: one block, and two more for a size that ustar cannot say. */
export function ownMemberHeaderBytes(sizeBytes: number): number {
  return sizeBytes > MAX_OCTAL_11 ? 3 * TAR_BLOCK_BYTES : TAR_BLOCK_BYTES
}

function ownMember(name: string, sizeBytes: number, created: string): ArchiveMember {
  // Within what ustar can say, so that the header is one block, whatever the time.
  const seconds = Math.min(Math.max(Math.floor(Date.parse(created) / 1000), 0), MAX_OCTAL_11)
  const mtimeNs = BigInt(seconds) * 1_000_000_000n
  return { path: Buffer.from(name), kind: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes, mtimeNs }
}

/**
 * A tar member of fixed length that holds one JSON object, padded with newlines. Its first property, `check`, is the
 * XXH3-64 of the whole member with the 16 digits of `check` as zeros: it proves itself, and stays plain JSON.
 *
 * @param name - member path
 * @param memberBytes - bytes of the whole member, a multiple of 512
 * @param created - time of the member, ISO 8601
 * @param fields - what to say after `check`
 * @throws TypeError - it does not fit
 */
export function encodeJsonMember(name: string, memberBytes: number, created: string, fields: object): Buffer {
  const json = JSON.stringify({ check: UNCHECKED, ...fields }, undefined, 0)
  const text = Buffer.from(`${json}\n`)
  if (text.length > memberBytes - TAR_BLOCK_BYTES)
    throw new TypeError(`${name} has ${text.length} bytes, ${memberBytes - TAR_BLOCK_BYTES} are its room`)
  const member = Buffer.alloc(memberBytes + 4 * TAR_BLOCK_BYTES)
  encodeMemberInto(ownMember(name, memberBytes - TAR_BLOCK_BYTES, created), member, 0)
  const bytes = member.subarray(0, memberBytes)
  bytes.fill(NEWLINE, TAR_BLOCK_BYTES)
  text.copy(bytes, TAR_BLOCK_BYTES)
  bytes.write(checksumText(checksumOf(bytes)), CHECK_AT, 'latin1')
  return bytes
}

/**
 * Reads what {@link encodeJsonMember} made.
 *
 * @param bytes - exactly the member's bytes
 * @param name - member path that must stand there
 * @param offset - where the member stands in the file, for errors
 * @throws FormatError `FORMAT_UNKNOWN` - something else stands there; `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`
 */
export function decodeJsonMember(bytes: Buffer, name: string, offset: number): JsonFields {
  if (bytes.toString('latin1', 0, name.length + 1) !== `${name}\0`)
    throw new FormatError('FORMAT_UNKNOWN', offset, `${name} does not stand here`)
  const check = bytes.toString('latin1', CHECK_AT, CHECK_END)
  const sum = checksumOf(bytes.subarray(0, CHECK_AT), Buffer.from(UNCHECKED), bytes.subarray(CHECK_END))
  if (checksumText(sum) !== check)
    throw new FormatError('FRAGMENT_CHECKSUM', offset + CHECK_AT, `${name} does not match its checksum`)
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8', TAR_BLOCK_BYTES))
  } catch {
    throw new FormatError('FRAGMENT_INVALID', offset + TAR_BLOCK_BYTES, `${name} is no JSON`)
  }
  if (typeof value !== 'object' || value === null)
    throw new FormatError('FRAGMENT_INVALID', offset + TAR_BLOCK_BYTES, `${name} is no JSON object`)
  return new JsonFields(value, name, offset)
}

/** Typed access to the fields of a JSON object that is not to be trusted. */
export class JsonFields {
  readonly #value: object
  readonly #name: string
  readonly #offset: number

  /**
   * @param value - the object
   * @param name - what it is, for errors
   * @param offset - where it stands, for errors
   */
  constructor(value: object, name: string, offset: number) {
    this.#value = value
    this.#name = name
    this.#offset = offset
  }

  /** A text. */
  text(field: string): string {
    const value = this.#field(field)
    if (typeof value !== 'string') throw this.fault(field, 'no text')
    return value
  }

  /** A whole number from `least`. */
  count(field: string, least = 0): number {
    const value = this.#field(field)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw this.fault(field, `no whole number from ${least}`)
    return value
  }

  /** Yes or no. */
  flag(field: string): boolean {
    const value = this.#field(field)
    if (typeof value !== 'boolean') throw this.fault(field, 'no yes or no')
    return value
  }

  /** A list of objects. */
  list(field: string): JsonFields[] {
    const value = this.#field(field)
    if (!Array.isArray(value)) throw this.fault(field, 'no list')
    return value.map((entry: unknown) => {
      if (typeof entry !== 'object' || entry === null) throw this.fault(field, 'no list of objects')
      return new JsonFields(entry, `${this.#name} ${field}`, this.#offset)
    })
  }

  /** Whether there is such a field. */
  has(field: string): boolean {
    return this.#field(field) !== undefined
  }

  /** Checks `format` against what this reader knows. */
  checkFormat(known: string): void {
    const written = this.text('format')
    if (written === known) return
    const [name, version] = written.split('/')
    const code = name === known.split('/')[0] && version !== undefined && /^\d+$/.test(version)
    throw new FormatError(
      code ? 'FORMAT_VERSION_UNSUPPORTED' : 'FORMAT_UNKNOWN',
      this.#offset,
      `Written as ${JSON.stringify(written)}; this reader knows ${known}`,
    )
  }

  /** An error about a field. */
  fault(field: string, what: string): FormatError {
    return new FormatError('FRAGMENT_INVALID', this.#offset, `${this.#name}: ${field} is ${what}`)
  }

  #field(field: string): unknown {
    return Object.hasOwn(this.#value, field) ? (this.#value as Record<string, unknown>)[field] : undefined
  }
}
