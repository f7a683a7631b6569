import { type Instant, instantOf } from '../instant.ts'
import { MAX_SPARSE_REGIONS, TAR_BLOCK_BYTES } from './member.ts'
import type { ArchiveMember, DataRegion } from './member.ts'

/** Optional properties may be there and say nothing: so that all objects of a kind have one shape. */
type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] }

/** A member as whoever writes many of them has it: times as pairs of numbers. All else as in {@link ArchiveMember}. */
export interface HeaderFields extends Loose<Omit<ArchiveMember, 'mtimeNs' | 'atimeNs' | 'ctimeNs'>> {
  /** Modification time. */
  readonly mtime: Instant
  /** Access time. */
  readonly atime?: Instant | undefined
  /** Change time. */
  readonly ctime?: Instant | undefined
}

const SLASH = 0x2f
const VENDOR_KEY = /^[A-Za-z0-9._-]+$/
const MAX_SECONDS = 2n ** 53n

/**
 * The fields of a member.
 *
 * @throws TypeError - its modification time is out of range
 */
export function fieldsOf({ mtimeNs, atimeNs, ctimeNs, ...rest }: ArchiveMember): HeaderFields {
  const seconds = mtimeNs / 1_000_000_000n
  if (seconds > MAX_SECONDS || seconds < -MAX_SECONDS) throw new TypeError('mtimeNs is out of range')
  return {
    ...rest,
    mtime: instantOf(mtimeNs),
    ...(atimeNs === undefined ? undefined : { atime: instantOf(atimeNs) }),
    ...(ctimeNs === undefined ? undefined : { ctime: instantOf(ctimeNs) }),
  }
}

/** Refuses what no header can say. */
export function checkFields(member: HeaderFields): void {
  const { path, linkTarget, kind, sparse } = member
  if (path.length === 0 || path[0] === SLASH || path[path.length - 1] === SLASH || path.includes(0))
    throw new TypeError('path must be relative, not empty, without a trailing slash and without NUL')
  checkCount(member.mode, 'mode', 0o7777)
  checkCount(member.uid, 'uid')
  checkCount(member.gid, 'gid')
  checkCount(member.sizeBytes, 'sizeBytes')
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

function checkSparse(member: HeaderFields, regions: readonly DataRegion[]): void {
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
