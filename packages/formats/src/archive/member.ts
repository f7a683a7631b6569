import type { Instant } from '../instant.ts'

/** What a member of the archive stream is. A `hardlink` names an earlier member whose data it shares. */
export type MemberKind =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'character-device' | 'block-device'

/** A run of stored bytes of a sparse file; what lies between regions is a hole and reads as zeros. */
export interface DataRegion {
  /** Logical offset in the file, in bytes. */
  readonly offset: number
  /** Length in bytes. */
  readonly length: number
}

/** An extended attribute. Its value is any bytes; its name is bytes without NUL, namespace included (`user.comment`). */
export interface ExtendedAttribute {
  /** Full name, such as `user.comment`. */
  readonly name: Buffer
  /** Value, any bytes. */
  readonly value: Buffer
}

/** One member of the archive stream: everything that tar carries about one file-system entry. */
export interface ArchiveMember {
  /**
   * Relative path as raw bytes: no leading `/`, no NUL, no trailing `/` (directories neither); the root itself is `.`.
   * A parsed path can hold `..` or `.` components: bytes from others are not to be trusted, the extractor must refuse.
   */
  readonly path: Buffer
  /** What it is. */
  readonly kind: MemberKind
  /** Permission bits with set-id and sticky, 0–0o7777. */
  readonly mode: number
  /** Owner's number, 0–2^53−1. */
  readonly uid: number
  /** Group's number, 0–2^53−1. */
  readonly gid: number
  /** Owner's name where known. */
  readonly userName?: string
  /** Group's name where known. */
  readonly groupName?: string
  /** Logical size in bytes; counts for kind `file` only (0 for all else). */
  readonly sizeBytes: number
  /** Modification time in nanoseconds since 1970; may be negative. */
  readonly mtimeNs: bigint
  /** Access time in nanoseconds since 1970. */
  readonly atimeNs?: bigint
  /** The modification time as an instant, where the parser has it as one. */
  readonly mtime?: Instant
  /** The access time as an instant, where the parser has it as one. */
  readonly atime?: Instant
  /** Change time in nanoseconds since 1970. For information: no system lets a restore set it. */
  readonly ctimeNs?: bigint
  /** Where a symlink points (raw bytes), or the member path of a hard link's first name. */
  readonly linkTarget?: Buffer
  /** Device number, major part; for device kinds. */
  readonly deviceMajor?: number
  /** Device number, minor part; for device kinds. */
  readonly deviceMinor?: number
  /**
   * Data regions of a sparse file, ascending, none beyond `sizeBytes`; absent when the file has no holes. Empty: the
   * file is one hole. Every length is a multiple of 512 but that of a region which ends with the file, as GNU tar stores
   * and reads whole blocks: `alignRegions` makes them so. At most {@link MAX_SPARSE_REGIONS}; a caller with more merges
   * neighbours. A parsed member's regions are as its writer chose them.
   */
  readonly sparse?: readonly DataRegion[]
  /** Extended attributes. */
  readonly xattrs?: readonly ExtendedAttribute[]
  /** Access ACL in text form, as GNU tar writes it (`user::rwx,user:1000:r--,…`). */
  readonly aclAccess?: string
  /** Default ACL of a directory in text form. */
  readonly aclDefault?: string
  /**
   * Our own pax keywords, without their `NB.` prefix; every other reader ignores them (GNU tar says so once a member,
   * so they are for rare facts only). Keys match `[A-Za-z0-9._-]+`.
   */
  readonly vendor?: Readonly<Record<string, string>>
}

/** The unit of tar: headers and data are padded to it. */
export const TAR_BLOCK_BYTES = 512

/** Two zero blocks that end a tar archive. In an image they come once, after the last fragment's footer. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * TAR_BLOCK_BYTES)

/** Biggest extended header (pax records or GNU long name) that is written or read, in bytes. */
export const MAX_EXTENDED_HEADER_BYTES: number = 16 * 1024 * 1024

/** Most data regions of one sparse member that are written or read. */
export const MAX_SPARSE_REGIONS: number = 1024 * 1024

/**
 * Zero bytes that follow `byteLength` bytes of data up to the next tar block.
 *
 * @param byteLength - length of the data in bytes
 */
export function paddingOf(byteLength: number): number {
  return (TAR_BLOCK_BYTES - (byteLength % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
}

/**
 * Bytes of file data that follow the member's header (the sparse map counts as header), without padding: what the
 * reader of the file has to deliver, holes left out.
 *
 * @param member - the member
 */
export function memberDataBytes(
  member: Pick<ArchiveMember, 'kind' | 'sizeBytes'> & {
    readonly sparse?: readonly DataRegion[] | undefined
  },
): number {
  if (member.kind !== 'file') return 0
  if (member.sparse === undefined) return member.sizeBytes
  let stored = 0
  for (const region of member.sparse) stored += region.length
  return stored
}

/**
 * The member path of an absolute path: leading `/` removed, the root itself is `.`.
 *
 * @param absolute - absolute path, raw bytes
 */
export function memberPathOf(absolute: Buffer): Buffer {
  return absolute.length === 1 ? Buffer.from('.') : absolute.subarray(1)
}
