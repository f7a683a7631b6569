/** What `tape-run.ts` is to do, once. */
export interface TapeWork {
  /**
   * `write`, `read`: WRITE(6) or READ(6) of a drive, from the beginning of the tape, several under way; `drive-write`, `drive-read`:
   * the same by the port `TapeDrive`, one at a time; `store-write`, `store-read`: a fragment in the tape format, in the library's second
   * drive; `disk-read`: READ(10) of a disk, from its beginning and over again.
   */
  readonly way: 'write' | 'read' | 'drive-write' | 'drive-read' | 'store-write' | 'store-read' | 'disk-read'
  /** `iscsi://HOST:PORT/TARGET` */
  readonly url: string
  readonly lun: number
  /** All that is moved; a multiple of `blockBytes`. */
  readonly bytes: number
  readonly blockBytes: number
  /** Commands under way at once. */
  readonly depth: number
  /** CRC32C over headers and data. */
  readonly digests: boolean
  /** Size of the disk, for `disk-read`. */
  readonly diskBytes?: number
}

/** What it took, from the first command to the last answer, after some that were not counted. */
export interface TapeWorkTime {
  readonly wallMs: number
  /** User and system time of all threads meanwhile. */
  readonly cpuMs: number
}

/** What `tape-site-run.ts` tells of a backup to tape through the real flow. */
export interface TapeSiteRun extends TapeWorkTime {
  readonly bytes: number
  /** How often the drive had nothing to write, and how often the client had to wait for the drive. */
  readonly waitedForFullBuffer: number
  readonly waitedForEmptyBuffer: number
}
