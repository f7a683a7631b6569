import type { Path } from './path.ts'
import type { Compression, DigestAlgorithm, ScheduleType } from './policy.ts'

/** An image is one backup of one stream: the catalog's record of it. Times are milliseconds since the epoch. */
export interface ImageRecord {
  /** Version of this record's form. */
  readonly version: 1
  /** `client_unixtime`, unique. */
  readonly backupId: string
  readonly state: ImageState
  readonly jobId: string
  readonly client: string
  readonly policy: string
  readonly schedule: string
  readonly scheduleType: ScheduleType
  /** The stream of the policy that it holds, where the policy has several. */
  readonly stream?: string
  /** All streams that policy and client had then: the newest images of these, together, are the tree. */
  readonly streamSet?: readonly string[]
  /** The moment the backup stands for. */
  readonly backupTime: number
  readonly selections: readonly Path[]
  readonly retentionLevel: number
  /** Not kept after; absent is for ever. */
  readonly expiresAt?: number
  /** How all its copies are compressed; absent is not at all. */
  readonly compression?: Compression
  /** The digest that files which this image stores have in its list; absent is none. */
  readonly digest?: DigestAlgorithm
  /** The image an incremental was compared with. */
  readonly referenceId?: string
  /** Images that hold data which this image's list refers to; they must be kept as long as it. */
  readonly neededImages: readonly string[]
  readonly completedAt?: number
  /** The ending status of the backup, 0 or 1. */
  readonly status?: number
  readonly counts?: ImageCounts
  readonly copies: readonly ImageCopy[]
  /** While an import brings it back: its fragments were there before, and stay when the import is given up. */
  readonly imported?: boolean
  /** A sentence that tells how the file list of the complete image was found damaged. Absent is whole, as far as known. */
  readonly damaged?: string
}

/**
 * `in-progress` from step 6, `complete` and browsable from step 15. `expired` and `discarded` images are not
 * browsable and wait for the removal of their fragments.
 */
export type ImageState = 'in-progress' | 'complete' | 'expired' | 'discarded'

/** Sizes and counts of an image. */
export interface ImageCounts {
  /** Entries in the list: the whole tree at the backup's time. */
  readonly entries: number
  /** Entries with a member in this image's stream, or (further names of a file) in which their data is. */
  readonly storedEntries: number
  /** Logical bytes of the files whose data is in this image; data that several names share counts once. */
  readonly bytes: number
  /** Length of the archive stream. */
  readonly streamBytes: number
  readonly warnings: number
}

/** One copy of an image's archive stream: a row of fragments. */
export interface ImageCopy {
  /** From 1; 1 is the primary until another is made so. */
  readonly copy: number
  readonly storageUnit: string
  readonly mediaServer: string
  readonly fragments: readonly FragmentRecord[]
  /** Not kept after, milliseconds since the epoch; absent is as long as the image. */
  readonly expiresAt?: number
}

/** One contiguous piece of an image's archive stream on one medium. */
export interface FragmentRecord {
  /** From 1, without gaps. */
  readonly number: number
  /** Where it begins in the archive stream. */
  readonly streamOffset: number
  readonly streamBytes: number
  /** Whether it begins and ends where a member does, so that `tar` alone reads it. */
  readonly wholeMembers: boolean
  readonly blockBytes: number
  /** Of a compressed one: bytes that those of the stream take on the medium. */
  readonly storedBytes?: number
  /** For tape: the volume. */
  readonly volumeId?: string
  /** Number of its tape file: filemarks before it. */
  readonly filemark?: number
  /** Logical block of the volume at which its header stands, for a LOCATE; one that was imported knows it too. */
  readonly headerBlock?: number
  /** The same of its footer. */
  readonly footerBlock?: number
  /** In a multiplexed tape file: number of its stream. */
  readonly stream?: number
}

/** What a backup session tells of the list it sent to the catalog. */
export interface FileListTotals {
  /** Length of the whole `nb-files` stream, its header included. */
  readonly bytes: number
  readonly batches: number
  readonly entries: number
}

/** The kinds of entries. */
export type FileKind =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'character-device' | 'block-device'

/** An entry of an image's list. Nanosecond times are decimal strings. */
export interface FileEntry {
  readonly path: Path
  readonly kind: FileKind
  /** Permission bits, 12. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly linkTarget?: Path
  readonly deviceMajor?: number
  readonly deviceMinor?: number
  readonly linkCount: number
  /** Digest of the content, holes as zeros: the algorithm, a colon, hexadecimal digits. Of files that were stored when it was asked for. */
  readonly digest?: string
  /** The image that was browsed. */
  readonly backupId: string
  /** The image that holds the data; the same, or one it needs. */
  readonly dataImage: string
  readonly changedWhileRead?: boolean
  /** Attributes are known, the data could not be read: there is none to restore. */
  readonly unreadable?: boolean
}
