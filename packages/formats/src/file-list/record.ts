import type { MemberKind } from '../archive/member.ts'

/** What makes a file the same file under two names: the device it is on and its inode there. */
export interface FileIdentity {
  /** Device number (`st_dev`), 0–2^64−1. */
  readonly device: bigint
  /** Inode number (`st_ino`), 0–2^64−1. */
  readonly inode: bigint
}

/** Facts about the reading of an entry; the values are bits of {@link FileRecord.flags}. */
export const FILE_FLAGS = {
  /** The file changed while it was read: its data may mix two states. */
  changedWhileRead: 1,
  /** Attributes are known, data could not be read: there is no member to restore data from. */
  unreadable: 2,
  /** The file became shorter while it was read; zeros fill the rest of its member. */
  shrunkWhileRead: 4,
  /**
   * It had changed so shortly before it was read that a further change may have left the same change time: the next
   * incremental stores it again.
   */
  recentlyChanged: 8,
} as const

/** One entry of a file list: an entry of the tree as it was at the time of the image. */
export interface FileRecord {
  /** Absolute path as raw bytes: begins with `/`, no NUL, no trailing `/` but for the root; at most 65,535 bytes. */
  readonly path: Buffer
  /** What it is; `hardlink` is a further name of a file, whose data is in the member of its first name. */
  readonly kind: MemberKind
  /** Permission bits with set-id and sticky, 0–0o7777. */
  readonly mode: number
  /** Owner's number. */
  readonly uid: number
  /** Group's number. */
  readonly gid: number
  /** Logical size in bytes. */
  readonly sizeBytes: number
  /** Bytes allocated on the source file system, where known. */
  readonly allocatedBytes?: number
  /** Modification time in nanoseconds since 1970. */
  readonly mtimeNs: bigint
  /** Change time in nanoseconds since 1970: the next incremental compares it. */
  readonly ctimeNs: bigint
  /** Symlink: where it points. Hard link: the absolute path of the first name. Required for both, refused otherwise. */
  readonly linkTarget?: Buffer
  /** Device number, major part; required for device kinds, refused otherwise. */
  readonly deviceMajor?: number
  /** Device number, minor part; required for device kinds, refused otherwise. */
  readonly deviceMinor?: number
  /** Device and inode: hard links share it, a renamed file keeps it. */
  readonly identity: FileIdentity
  /** Number of names (`st_nlink`). */
  readonly linkCount: number
  /** Which image holds the data: index into the list header's `images`; 0 is the image itself. */
  readonly imageIndex: number
  /** Byte offset of the member in that image's archive stream; for a hard link, of the member that carries the data. */
  readonly memberOffset: number
  /** Bytes of the member: header, data and padding; 0 where no member exists (`unreadable`). */
  readonly memberBytes: number
  /** Digest of the content where it was asked for, at most 255 bytes; the list header names the algorithm. */
  readonly digest?: Buffer
  /** Bits of {@link FILE_FLAGS}; 0 for an ordinary entry. */
  readonly flags: number
}

/** What stands at the head of a file list. */
export interface FileListHeader {
  /** Backup ids of the images that hold data of this list: index 0 is this image, 1… are earlier ones. */
  readonly images: readonly string[]
  /** Name of the algorithm of all digests in the list, such as `sha256`; absent when there are none. */
  readonly digestAlgorithm?: string
}

/** Where a batch is and what it holds, known from its head alone. */
export interface BatchFrame {
  /** Byte offset of the batch from the start of the file list (or of the buffer scanned). */
  readonly offset: number
  /** Bytes of the whole batch, head and checksum included. */
  readonly byteLength: number
  /** Entries in the batch, at least 1. */
  readonly entryCount: number
  /** Path of the batch's first entry. */
  readonly firstPath: Buffer
}
