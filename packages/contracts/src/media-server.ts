import type { CallOptions, Json } from './call-options.ts'
import type { ChannelTicket } from './data-channel.ts'
import type { ErrorCode, ErrorRecord } from './errors.ts'
import type { FileListTotals, FragmentRecord, ImageCopy, ImageCounts, ImageRecord } from './image.ts'
import type { Path } from './path.ts'
import type { MediumContent, StoredImage } from './media-store.ts'
import type { Allocation, MediaAnswer, MediaNeed } from './resources.ts'

/**
 * A point of a backup from which it can go on after a break: everything before it is durable, at the medium and in the
 * catalog. It lies between two members of the archive stream.
 */
export interface BackupCheckpoint {
  /** From 1, rising over all tries of a job. */
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  /** Length of the archive stream up to here. */
  readonly streamBytes: number
  /** The file list up to here. */
  readonly fileList: FileListTotals
  readonly counts: ImageCounts
  /** The fragments up to here; they end where the stream does. */
  readonly copies: readonly ImageCopy[]
  /** The reader's own note of where it was; only a client agent reads it. Mostly below 1 KiB, at most 4 MiB. */
  readonly position: string
}

/** One of the copies that a backup session writes at once. */
export interface CopyInBackup {
  /** Its number. */
  readonly copy: number
  readonly onFailure: 'continue' | 'failAllCopies'
  /** Goes into its record. */
  readonly expiresAt?: number
}

/** What a backup session needs to know. */
export interface BackupSessionSpec {
  readonly jobId: string
  /** The image as created, `in-progress`. */
  readonly image: ImageRecord
  readonly need: MediaNeed
  /**
   * The copies that it writes at once: one for the need, and one for each further need, in their order. A copy that fails and may is
   * left out: the backup goes on with the others, reports 1 and has a warning. @default copy 1 alone
   */
  readonly copies?: readonly CopyInBackup[]
  /** What the client walks. */
  readonly walk: WalkSpec
  /** Milliseconds between checkpoints; absent for none. */
  readonly checkpointIntervalMs?: number
  /** Goes on from here: the image has all up to it. The need is for the storage unit of its copies. */
  readonly resumeFrom?: BackupCheckpoint
}

/** What a client agent walks and what it leaves out. */
export interface WalkSpec {
  readonly roots: readonly Path[]
  readonly exclude: readonly string[]
  readonly include: readonly string[]
  readonly crossMountPoints: boolean
}

/** What a restore session needs to know. */
export interface RestoreSessionSpec {
  readonly jobId: string
  /** Groups of one restore share it; the client keeps what must wait for the last group under it. */
  readonly restoreId: string
  readonly client: string
  readonly need: MediaNeed
  /** The images that hold the data; the plan's records refer to them by index in this list. */
  readonly images: readonly RestoreSource[]
  /** What the groups before this one have restored, which the job's progress goes on from. @default nothing */
  readonly restoredBefore?: RestoredBefore
  /** Whether it is the restore's last group: directories get their attributes and late links are made. */
  readonly last: boolean
  /** What is wanted of the images: the plan, once for the media server, which may leave it where it has it otherwise, and once for the client. */
  readonly mediaPlan: ChannelTicket
  readonly clientPlan: ChannelTicket
  readonly target: ExtractTarget
}

/** What groups of a restore have restored together. */
export interface RestoredBefore {
  /** Entries that are there. */
  readonly files: number
  /** Their bytes. */
  readonly bytes: number
}

/** The copy of an image that a restore reads. */
export interface RestoreSource {
  readonly backupId: string
  readonly copy: ImageCopy
  /**
   * What the plan wants of it, where that is told in few words: a media server that has it for every image need not read the plan,
   * which says the same. @default the plan alone says it
   */
  readonly wanted?: WantedOfImage
}

/** What a restore wants of an image. */
export interface WantedOfImage {
  /** Entries of the plan whose data lies in the image. */
  readonly entries: number
  /** The members of those entries in the image's archive stream: ranges in order that do not touch one another. */
  readonly ranges: readonly {
    /** Where it begins in the stream. */
    readonly offset: number
    /** Its length, at least 1. */
    readonly bytes: number
  }[]
}

/** Where and how the client writes. The plan's paths are relative to `root`, and nothing is written outside it. */
export interface ExtractTarget {
  /** Absolute; made when missing. */
  readonly root: Path
  /** `fail` checks for existing targets before anything is written. */
  readonly ifExists: 'overwrite' | 'skip' | 'fail'
}

/** What a session does: a removal takes off the client what an archive has saved. */
export type SessionKind = 'backup' | 'restore' | 'removal'

/** How a session ended. */
export interface SessionReport {
  readonly sessionId: string
  readonly jobId: string
  readonly kind: SessionKind
  readonly status: number
  readonly statusText: string
  readonly error?: ErrorRecord
  readonly warnings: number
  /** For a backup: what completes the image. All of it is durable when this is reported. */
  readonly written?: {
    readonly counts: ImageCounts
    readonly fileList: FileListTotals
    readonly copies: readonly ImageCopy[]
  }
  /** For a restore. */
  readonly restored?: { readonly entries: number; readonly bytes: number; readonly skipped: number }
  /** For a removal. */
  readonly removed?: RemovalCounts
  /** Episodes in which the media process waited for a full block, and the child for an empty one. */
  readonly waitedForFullBuffer: number
  readonly waitedForEmptyBuffer: number
}

/** What a removal did. */
export interface RemovalCounts {
  /** Files and directories removed. */
  readonly removed: number
  /** Left where they are: changed since, not readable, directories that are not empty. */
  readonly kept: number
}

/**
 * A copy of an image, and the allocation by which it is read. Of a copy on several volumes whoever asks for some of its fragments at a time
 * names those of the allocation's volume alone.
 */
export interface CopyToRead {
  readonly jobId: string
  readonly allocation: Allocation
  readonly backupId: string
  readonly copy: ImageCopy
}

/** What a storage unit tells of a copy, without the catalog. */
export interface DescribedCopy {
  /** The image record as it was known when its last fragment was written. */
  readonly image: Json
  readonly copy: ImageCopy
}

/** What a verification tells while it goes on; `verified` comes last, whatever was found. */
export type VerifyEvent =
  /** Bytes of the archive stream that were looked at so far. */
  | { readonly kind: 'progress'; readonly bytes: number }
  | ({ readonly kind: 'damage' } & CopyDamage)
  /** The copy goes on on another volume, and the one before is let go of: {@link MediaServer.continueCopy} is to give that. */
  | { readonly kind: 'next-volume'; readonly requestId: string; readonly volumeId: string }
  | {
      readonly kind: 'verified'
      readonly fragments: number
      readonly bytes: number
      readonly members: number
    }

/** A further copy of a complete image, and the allocation by which it is written. */
export interface CopyToWrite {
  readonly jobId: string
  readonly allocation: Allocation
  /** As the catalog has it. */
  readonly image: ImageRecord
  /** Its number, which no other copy of the image has. */
  readonly copy: number
  /** A ticket whose channel gives the image's whole file list, for the trailers of the fragments. */
  readonly list: ChannelTicket
  /** The host that sends the stream: nobody else opens the channels. @default whoever has their tickets */
  readonly peer?: string
  /** On how many channels the stream comes, one after the other, as it is read from volume after volume. From 1. @default 1 */
  readonly parts?: number
}

/** What the writing of a copy tells while it goes on: `ready` first, `written` last, when all of it is durable. */
export type WriteEvent =
  /** Where the archive stream is to be sent, or its next part: told once for each. */
  | { readonly kind: 'ready'; readonly data: ChannelTicket }
  /**
   * The volume of this allocation is full, and what is written so far is durable on it: {@link MediaServer.continueCopy} is to give the
   * one that takes its place.
   */
  | { readonly kind: 'next-volume'; readonly requestId: string; readonly replaces: string }
  /** Bytes of the archive stream that were written so far. */
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'written'; readonly copy: ImageCopy }

/** Something of a copy that is not as it was written, or not as the catalog says. */
export interface CopyDamage {
  /** Number of the fragment; absent for what is wrong with the row as a whole. */
  readonly fragment?: number
  /** Block of the fragment's payload, from 0, where a single one is damaged. */
  readonly block?: number
  readonly code: ErrorCode
  /** A sentence. */
  readonly message: string
}

/** A session that lives. */
export interface SessionInfo {
  readonly sessionId: string
  readonly jobId: string
  readonly kind: SessionKind
  readonly startedAt: number
}

/**
 * Runs backup and restore sessions at the media: one session per job and medium, each with a media process
 * (parent), its receiving or sending child and the block buffer between.
 *
 * Obligations: a session that was started ends by itself with exactly one report to `JobSessions.sessionEnded`,
 * whatever fails; ending frees everything on this host and at the client. A backup that did not end well leaves on the
 * medium what lies before its last checkpoint, and nothing else.
 */
export interface MediaServer {
  /**
   * Backup step 7. Resolves when the session lives; its work goes on by itself. Idempotent by `jobId`, image and checkpoint;
   * a session that resumes and has failed is no answer to its request: a new one begins. Where it can't go on from the
   * checkpoint it rejects, or ends, with `resume-impossible` (163), and the job starts afresh with another image.
   */
  startBackup(input: BackupSessionSpec, options?: CallOptions): Promise<{ readonly sessionId: string }>
  /** Restore step 5. */
  startRestore(input: RestoreSessionSpec, options?: CallOptions): Promise<{ readonly sessionId: string }>
  /**
   * Removes from the client what a complete image of an archive holds, and what has not changed since. Ends with 0, 3 (some
   * was kept) or 4 (failed). Idempotent by `jobId`.
   */
  startRemoval(
    input: { readonly jobId: string; readonly client: string; readonly backupId: string },
    options?: CallOptions,
  ): Promise<{ readonly sessionId: string }>
  /**
   * The job manager's answer to `JobSessions.requestMedia`; the same one may come twice. Rejects with `session-unknown`, and may
   * with `not-found` for a request that the session does not wait for any more.
   */
  grantMedia(
    input: { readonly sessionId: string; readonly requestId: string; readonly answer: MediaAnswer },
    options?: CallOptions,
  ): Promise<void>
  /** Ends a session early with this status. Idempotent; resolves when nothing of it runs any more. */
  endSession(
    input: { readonly sessionId: string; readonly status: number; readonly reason: string },
    options?: CallOptions,
  ): Promise<void>
  /**
   * The report, once the session has ended and the job manager has taken the report too (so that what the session held
   * is released) or could not be told at the first attempt; kept for a while. Rejects with `session-unknown`.
   */
  waitSession(input: { readonly sessionId: string }, options?: CallOptions): Promise<SessionReport>
  /** The sessions that live. */
  sessions(input: Record<string, never>, options?: CallOptions): Promise<readonly SessionInfo[]>
  /** What the fragments on a storage unit say. */
  storedImages(input: { readonly storageUnit: string }, options?: CallOptions): AsyncIterable<StoredImage>
  /**
   * Reads all of a copy and compares it with what was written (every checksum of header, trailer, footer and blocks), with what
   * the catalog says of its fragments, and with `list`, the image's whole file list: every entry whose data is here must begin a
   * member of its path, kind and size, and every member must have an entry. Damage is told and does not end it. The allocation is of the
   * first fragment's volume; where another one follows it asks for that. Rejects with `media-open-failed`, `storage-unit-unknown`; aborted, it
   * stops reading.
   */
  verifyCopy(
    input: CopyToRead & { readonly list: ChannelTicket },
    options?: CallOptions,
  ): AsyncIterable<VerifyEvent>
  /**
   * The medium that a verification or a copy being written has asked for by `next-volume`: to be called before its next event is taken.
   * Where none is to be had the events are given up instead, which ends it. Rejects with `not-found` where nothing waits for that request.
   */
  continueCopy(
    input: { readonly requestId: string; readonly allocation: Allocation },
    options?: CallOptions,
  ): Promise<void>
  /**
   * What is on the volume of an allocation, as it tells itself: header and footer of each tape file are read. Rejects with `not-supported`
   * for a medium that need not be mounted to be looked at, `media-open-failed`, `storage-unit-unknown`.
   */
  volumeContents(
    input: { readonly jobId: string; readonly allocation: Allocation },
    options?: CallOptions,
  ): AsyncIterable<MediumContent>
  /**
   * What the fragments of a copy tell of themselves and their image: all but the data is read and checked. With `fragments`, as
   * `volumeContents` has told them, those alone, and whether they are all of the copy is not looked at: the image is as the last of them
   * knows it. Rejects with `fragment-missing` (none, or a gap), `image-incomplete` (the last one is not there), `fragment-corrupt`,
   * `media-open-failed`, `storage-unit-unknown`.
   */
  describeCopy(
    input: Omit<CopyToRead, 'copy'> & {
      readonly copy: number
      readonly fragments?: readonly FragmentRecord[]
    },
    options?: CallOptions,
  ): Promise<DescribedCopy>
  /**
   * Sends the image's file list, as the fragments of a copy have kept it, over the ticket's channel; gives its totals. With `after` the
   * fragments keep what follows a list of those totals: its header is sent again and not counted again, and what is given are the totals of
   * both. Where the fragments keep no part of it the totals are those of `after`, or zero and the channel is aborted. Rejects with `file-list-corrupt`, `channel-broken`, and as `describeCopy`.
   */
  sendFileList(
    input: CopyToRead & { readonly list: ChannelTicket; readonly after?: FileListTotals },
    options?: CallOptions,
  ): Promise<FileListTotals>
  /**
   * Sends the archive stream of a copy over the ticket's channel, every block checked before it is sent. Rejects with
   * `fragment-missing`, `fragment-corrupt`, `media-open-failed`, `media-read-failed`, `channel-broken`; the channel is aborted then.
   */
  sendCopy(
    input: CopyToRead & { readonly data: ChannelTicket },
    options?: CallOptions,
  ): Promise<{ readonly bytes: number }>
  /**
   * Writes a copy of an image from the stream that comes over the channel it tells. What does not end well, or is not read to its end,
   * leaves nothing on the medium. Rejects with `image-inconsistent` for another stream than the image's, `channel-broken`,
   * `already-exists`, and what the medium rejects with.
   */
  writeCopy(input: CopyToWrite, options?: CallOptions): AsyncIterable<WriteEvent>
  /**
   * Removes an image's fragments; with `unfinished` only those of copies whose last fragment is not there. Idempotent. Rejects with
   * `storage-unit-unknown`.
   */
  removeImage(
    input: {
      readonly storageUnit: string
      readonly backupId: string
      readonly copy?: number
      readonly unfinished?: boolean
    },
    options?: CallOptions,
  ): Promise<void>
}

/** Events of a media server. */
export interface MediaServerEvents {
  /** When a session begins. */
  'session:started': SessionInfo
  /** When a session has ended and everything of it is freed. */
  'session:ended': SessionReport
}
