import type { DigestAlgorithm, ErrorRecord, ReaderCheckpoint } from '@nb/contracts'
import type { SharedPipe } from './block-pipe.ts'
import type { ReaderCounts } from './reader.ts'
import type { TransferWarning } from './warning.ts'

/** What a reader thread is started with. */
export interface ReaderInput {
  readonly backupId: string
  /** The image to compare with: its list must say so. */
  readonly referenceId: string | undefined
  /** Absolute paths as raw bytes. */
  readonly roots: readonly Uint8Array[]
  readonly exclude: readonly string[]
  readonly include: readonly string[]
  readonly crossMountPoints: boolean
  /** Digests the content of each file that is stored. */
  readonly digest: DigestAlgorithm | undefined
  /** Absolute paths that are never backed up, whatever leads there. */
  readonly neverPaths: readonly Uint8Array[]
  /** Takes the archive stream. */
  readonly data: SharedPipe
  /** Whether its blocks become frames, each compressed by itself. */
  readonly framed: boolean
  /** Takes the file list. */
  readonly list: SharedPipe
  /** Gives the list to compare with. */
  readonly reference: SharedPipe | undefined
  /** Milliseconds of reading between checkpoints; `undefined` for none. */
  readonly checkpointIntervalMs: number | undefined
  /** Goes on from here. */
  readonly resumeFrom: ReaderCheckpoint | undefined
  /** Holds the thread at its checkpoints. */
  readonly gate: SharedArrayBuffer
}

/** What a reader thread has done. */
export interface ReaderTotals {
  readonly counts: Readonly<ReaderCounts>
  readonly streamBytes: number
  readonly fileList: { readonly bytes: number; readonly batches: number; readonly entries: number }
  readonly warnings: number
}

/** How far a thread is. */
export interface WorkerProgress {
  readonly files: number
  readonly bytes: number
  readonly currentPath: Uint8Array
}

/** What threads tell the main thread: `ready` once, when they have loaded; of each task the last one is `done` or `failed`. */
export type WorkerMessage<Result> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly progress: WorkerProgress }
  | { readonly kind: 'warnings'; readonly warnings: readonly TransferWarning[] }
  | { readonly kind: 'checkpoint'; readonly checkpoint: ReaderCheckpoint }
  | { readonly kind: 'writer-wanted' }
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }

/** What a thread is given to do. */
export interface WorkerTask<Input = unknown> {
  /** What kind of work it is, for those that do several. */
  readonly name: string
  readonly input: Input
}
