import type { CallOptions } from './call-options.ts'
import type { ChannelTicket } from './data-channel.ts'
import type { ErrorRecord } from './errors.ts'
import type { FileListTotals, ImageCounts } from './image.ts'
import type { ExtractTarget, WalkSpec } from './media-server.ts'
import type { Path } from './path.ts'

/** What the reader needs to know. */
export interface BackupRunSpec {
  readonly jobId: string
  readonly backupId: string
  readonly walk: WalkSpec
  /** For an incremental: the list of the image to compare with, and that image's id. */
  readonly reference?: { readonly backupId: string; readonly ticket: ChannelTicket }
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

/** How far a run is. */
export interface RunProgress {
  readonly files: number
  readonly bytes: number
  readonly currentPath?: Path
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
  /** Starts the reader. */
  startBackup(input: BackupRunSpec, options?: CallOptions): Promise<{ readonly runId: string }>
  /** Starts the extractor. */
  startRestore(input: RestoreRunSpec, options?: CallOptions): Promise<{ readonly runId: string }>
  /** The result, once the run has ended; kept for a while. Rejects with `session-unknown`. */
  waitRun(input: { readonly runId: string }, options?: CallOptions): Promise<RunResult>
  /** How far it is, a few times a second, until it ends. */
  progress(input: { readonly runId: string }, options?: CallOptions): AsyncIterable<RunProgress>
  /** Ends a run early. Idempotent; resolves when nothing of it runs any more. */
  abortRun(input: { readonly runId: string; readonly reason: string }, options?: CallOptions): Promise<void>
}
