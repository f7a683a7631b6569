import type { CallOptions } from './call-options.ts'
import type { ChannelTicket } from './data-channel.ts'
import type { ErrorRecord } from './errors.ts'
import type { FileListTotals, ImageCounts } from './image.ts'
import type { ExtractTarget, RemovalCounts, WalkSpec } from './media-server.ts'
import type { Path } from './path.ts'
import type { Compression, DigestAlgorithm, ScheduleType } from './policy.ts'

/** A point between two members at which a reader stands still until it is told to go on. */
export interface ReaderCheckpoint {
  /** Length of the archive stream up to here; all of it has been sent. */
  readonly streamBytes: number
  /** The file list up to here; all of it has been sent. It grows from one checkpoint to the next, the stream need not. */
  readonly fileList: FileListTotals
  readonly counts: ImageCounts
  /** Where the reader is; only a client agent reads it. Mostly below 1 KiB, at most 4 MiB. */
  readonly position: string
}

/** Which backup it is, for the scripts that a client runs before and after. */
export interface BackupNames {
  readonly policy: string
  readonly schedule: string
  readonly scheduleType: ScheduleType
}

/** A file system that lies on a disk of the host. */
export interface LocalFileSystem {
  readonly mountPoint: Path
  /** Such as `ext4`. */
  readonly type: string
}

/** What the reader needs to know. */
export interface BackupRunSpec {
  readonly jobId: string
  readonly backupId: string
  readonly names: BackupNames
  readonly walk: WalkSpec
  /** Milliseconds of reading between checkpoints, 0 for one after each entry; absent for none. */
  readonly checkpointIntervalMs?: number
  /**
   * Goes on from here: nothing before it is sent again, but for the header of the file list. What comes to lie before it
   * meanwhile is not in the image, what was read stays as it was read.
   */
  readonly resumeFrom?: ReaderCheckpoint
  /** For an incremental: the list of the image to compare with, and that image's id. */
  readonly reference?: { readonly backupId: string; readonly ticket: ChannelTicket }
  /** Digests the content of each file that is stored. @default no digests */
  readonly digest?: DigestAlgorithm
  /**
   * Compresses the archive stream: it is sent as a row of frames. A client that can't ends the run with `not-supported`.
   * @default the stream is sent as it is
   */
  readonly compression?: Compression
  /** Where the archive stream goes. */
  readonly data: ChannelTicket
  /** Where the file list goes. */
  readonly metadata: ChannelTicket
}

/** What the extractor needs to know. */
export interface RestoreRunSpec {
  readonly jobId: string
  readonly restoreId: string
  readonly target: ExtractTarget
  readonly last: boolean
  /** What to do with which member. */
  readonly plan: ChannelTicket
  /** The members, in framed ranges. */
  readonly data: ChannelTicket
}

/** What a removal needs to know. */
export interface RemovalRunSpec {
  readonly jobId: string
  readonly backupId: string
  /** The image's list, as an `nb-files` stream. */
  readonly list: ChannelTicket
}

/** How far a run is. */
export interface RunProgress {
  readonly files: number
  readonly bytes: number
  readonly currentPath?: Path
  /** While a script of the client runs: for how long, milliseconds. It rises some times a minute, as a sign of life. */
  readonly scriptMs?: number
}

/** How a run ended. */
export interface RunResult {
  readonly runId: string
  /** 0, 1 with warnings, or the status of the error. */
  readonly status: number
  readonly error?: ErrorRecord
  readonly warnings: number
  /** For a backup. */
  readonly sent?: { readonly counts: ImageCounts; readonly fileList: FileListTotals }
  /** For a removal. */
  readonly removed?: RemovalCounts
  /** For a restore. */
  readonly restored?: { readonly entries: number; readonly bytes: number; readonly skipped: number }
}

/**
 * Reads and writes files on the host whose data is backed up.
 *
 * Obligations: a run ends by itself with one result, also when its channels break; warnings go to the job's log;
 * nothing is ever written outside a restore's target; an aborted restore leaves no half-written file.
 */
export interface ClientAgent {
  /** The local file systems, sorted by mount point: what `ALL_LOCAL_DRIVES` stands for. */
  fileSystems(input: Record<string, never>, options?: CallOptions): Promise<readonly LocalFileSystem[]>
  /**
   * Starts the reader. The client's own start script, where it has one, runs first (73 when it fails, 74 when it takes too
   * long), its end script after (75 when it takes too long).
   */
  startBackup(input: BackupRunSpec, options?: CallOptions): Promise<{ readonly runId: string }>
  /** Starts the extractor. */
  startRestore(input: RestoreRunSpec, options?: CallOptions): Promise<{ readonly runId: string }>
  /** Removes files of the image's list that are still as the list says, and directories that became empty. */
  startRemoval(input: RemovalRunSpec, options?: CallOptions): Promise<{ readonly runId: string }>
  /**
   * The checkpoints of a backup run, as the reader reaches them; it stands still at each until `goOn`. Begins with the one
   * at which it stands, ends with the run. Rejects with `session-unknown`.
   */
  checkpoints(input: { readonly runId: string }, options?: CallOptions): AsyncIterable<ReaderCheckpoint>
  /**
   * Lets a reader go on that stands at the checkpoint whose file list has this many entries. Idempotent. Rejects with
   * `session-unknown`, `state-conflict` for a checkpoint that it has not reached.
   */
  goOn(input: { readonly runId: string; readonly entries: number }, options?: CallOptions): Promise<void>
  /** The result, once the run has ended; kept for a while. Rejects with `session-unknown`. */
  waitRun(input: { readonly runId: string }, options?: CallOptions): Promise<RunResult>
  /** How far it is, a few times a second, until it ends. */
  progress(input: { readonly runId: string }, options?: CallOptions): AsyncIterable<RunProgress>
  /**
   * Ends a run early. Idempotent; resolves when nothing of it runs any more but the client's own end script, which a
   * backup has also when it fails.
   */
  abortRun(input: { readonly runId: string; readonly reason: string }, options?: CallOptions): Promise<void>
}
