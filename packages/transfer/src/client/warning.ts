/**
 * Something a person should know of one entry. Warnings make a run end with status 1; notes do not.
 *
 * Codes are errno names where a system call failed, else one of ours.
 */
export interface TransferWarning {
  readonly severity: 'warning' | 'note'
  /** Absolute path as raw bytes. */
  readonly path: Uint8Array
  /** Errno name (`EACCES`), or `CHANGED`, `SHRUNK`, `GREW`, `SOCKET`, `MOUNT_POINT`, `TIME_RANGE`, … */
  readonly code: string
  /** What happened and what it means for the entry, in a sentence. */
  readonly text: string
}

/** Takes warnings as they come up. */
export type WarningSink = (warning: TransferWarning) => void
