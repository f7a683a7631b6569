import type { CallOptions } from './call-options.ts'
import type { TapeEncryption } from './tape-encryption.ts'

/** Where a drive stands on its volume. Blocks and filemarks count alike: each is one logical object. */
export interface TapePosition {
  /** Logical objects before here; 0 is the beginning of the tape. */
  readonly object: number
  /** Filemarks before here; absent where the drive doesn't tell, and nobody counted. */
  readonly file?: number
  /** Whether nothing is recorded from here on, as far as is known: certain after a write, after spacing there, after a read that found it. */
  readonly endOfData: boolean
  /** Whether the tape is so far used here that its end is near, as far as the drive told so; it does when it writes. */
  readonly earlyWarning: boolean
}

/** What a drive holds. */
export interface DriveStatus {
  /**
   * `empty`: no volume that the drive sees; `present`: a volume in the mouth, to be loaded or taken; `loaded`: ready. Many drives don't
   * see a volume that lies in their mouth: the robot's inventory does.
   */
  readonly state: 'empty' | 'present' | 'loaded'
  readonly barcode?: string
  readonly writeProtected?: boolean
  /** Present when loaded and known. */
  readonly position?: TapePosition
}

/** How a write ended. The end of the medium is an answer, not an error: nothing of the object was written then. */
export type WriteResult =
  | { readonly written: true; readonly position: TapePosition }
  | { readonly written: false; readonly stoppedBy: 'end-of-medium'; readonly position: TapePosition }

/** How a read ended. */
export type ReadResult =
  | {
      readonly kind: 'block'
      /** The block's own length in bytes; what did not fit into the target is lost, the position is after the block. */
      readonly blockBytes: number
      readonly truncated: boolean
      readonly position: TapePosition
    }
  /** The position is after the filemark. */
  | { readonly kind: 'filemark'; readonly position: TapePosition }
  /** Nothing is recorded here; the position did not change. */
  | { readonly kind: 'end-of-data'; readonly position: TapePosition }

/** Where to space. `count` may be negative: towards the beginning. */
export type SpaceRequest =
  { readonly over: 'blocks' | 'filemarks'; readonly count: number } | { readonly over: 'end-of-data' }

/** How far spacing got. */
export interface SpaceResult {
  /** What was asked for and passed over, without a sign. */
  readonly passed: number
  /** What ended it before `count`: after a filemark going forward, before it going back. */
  readonly stoppedBy?: 'filemark' | 'end-of-data' | 'beginning'
  readonly position: TapePosition
}

/**
 * A tape drive, as its commands. A local power: bytes go through calls, so it never crosses a wire.
 *
 * Obligations: one command at a time, in the order of the calls; a command that has begun runs to its end, an abort
 * only keeps one from beginning. The position is known after every command, also after one that failed
 * (`details.object`), except where the connection to the drive was lost under a command, or the drive was reset: then it is found out
 * before anything else, and a command that counts on another place than the true one rejects with
 * `media-position-failed`, having done nothing; the place it tells is what counts from then on. What was written is durable after `writeFilemarks` without `immediate`, and after every command
 * that moves the tape; before that a loss of power may take it. Writing anywhere forgets all that was recorded from
 * there on. Commands on a drive that is not loaded reject with `drive-not-ready`.
 */
export interface TapeDrive {
  readonly name: string
  /** Encryption of what is written; a drive that doesn't encrypt tells that. */
  readonly encryption: TapeEncryption
  /** What the drive holds. Never rejects for the drive's state. */
  status(options?: CallOptions): Promise<DriveStatus>
  /** Threads the volume in the mouth and stands at the beginning. Idempotent. */
  load(options?: CallOptions): Promise<TapePosition>
  /** Rewinds and gives the volume into the mouth, where a robot can take it. Idempotent; also on an empty drive. */
  unload(options?: CallOptions): Promise<void>
  /** Stands at the beginning of the tape. */
  rewind(options?: CallOptions): Promise<TapePosition>
  /** Stands before a logical object. Beyond the end of data it stands there and rejects with `media-position-failed`. */
  locate(input: { readonly object: number }, options?: CallOptions): Promise<TapePosition>
  /** Moves over blocks (a filemark stops it), over filemarks, or to the end of data. */
  space(input: SpaceRequest, options?: CallOptions): Promise<SpaceResult>
  /**
   * Writes one block of 1 byte – 8 MiB here. Past the early warning it still writes and the position says so.
   * The data may be reused when it resolves. Rejects with `media-write-protected`, `media-write-failed`.
   */
  writeBlock(input: { readonly data: Uint8Array }, options?: CallOptions): Promise<WriteResult>
  /**
   * Writes filemarks here and, unless `immediate`, makes everything so far durable; 0 only makes it durable.
   * There is always room for filemarks. Rejects with `media-write-protected`, `media-write-failed`.
   */
  writeFilemarks(
    input: { readonly count: number; readonly immediate?: boolean },
    options?: CallOptions,
  ): Promise<WriteResult>
  /**
   * Reads one block into `target`. Rejects with `media-read-failed`, standing after the damaged block, and with `key-missing`, standing before a
   * block that is encrypted with a key which isn't set.
   */
  readBlock(input: { readonly target: Uint8Array }, options?: CallOptions): Promise<ReadResult>
  /** Where the drive stands. */
  position(options?: CallOptions): Promise<TapePosition>
}
