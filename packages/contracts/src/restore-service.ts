import type { CallOptions } from './call-options.ts'
import type { TreeQuery } from './catalog.ts'
import type { ExtractTarget } from './media-server.ts'
import type { Path } from './path.ts'
import type { UserRunRequest } from './scheduler.ts'

/** What to bring back, from when, and where to. */
export interface RestoreRequest {
  /** Names this request for ever. */
  readonly requestId: string
  /** Whose backup, and of when. */
  readonly from: TreeQuery
  /** Files and directories (with all below), absolute, as they were backed up. */
  readonly paths: readonly Path[]
  /** The client that receives the files. @default the one that was backed up */
  readonly destinationClient?: string
  readonly target: RestoreTarget
  /** What happens where a target exists. @default 'fail' */
  readonly ifExists?: ExtractTarget['ifExists']
  /** The requester's own line for the job's log (step 1) is written by the service. */
  readonly requestedBy?: string
}

/** Where files go. */
export type RestoreTarget =
  /** Where they came from. */
  | { readonly kind: 'original' }
  /**
   * Under another directory. `strip` is taken off the front of every path (a selected directory itself lands *as*
   * the target directory when it equals `strip`); `rename` then replaces whole paths or the paths of whole directories,
   * relative to the target.
   */
  | {
      readonly kind: 'directory'
      readonly directory: Path
      readonly strip?: Path
      readonly rename?: readonly { readonly from: Path; readonly to: Path }[]
    }

/** What a restore would do. */
export interface RestorePreview {
  readonly backupId: string
  readonly entries: number
  readonly bytes: number
  /** The images that data comes from, in order of reading, with the storage unit each is read from. */
  readonly images: readonly {
    readonly backupId: string
    readonly storageUnit: string
    readonly entries: number
    readonly bytes: number
  }[]
}

/**
 * Takes requests of users: plans and runs restores, and hands user backups and archives to the scheduler.
 *
 * Obligations: `submit` resolves when the job is registered; planning errors that the request itself causes
 * (`no-image-matches`, `path-not-backed-up`, `argument-invalid`) reject it before any job exists; all later
 * failures end the job with their status.
 */
export interface RestoreService {
  /** Restore steps 1–3; the rest goes on by itself. */
  submit(input: RestoreRequest, options?: CallOptions): Promise<{ readonly jobId: string }>
  /** A user's own backup or archive. Rejects as `Scheduler.runForUser` does. */
  backup(input: UserRunRequest, options?: CallOptions): Promise<{ readonly jobId: string }>
  /** What it would read and write, without doing it. */
  preview(input: RestoreRequest, options?: CallOptions): Promise<RestorePreview>
}
