import type { Clock, NbError, NewFragment, TapeDrive } from '@nb/contracts'
import type { TapeStream } from '@nb/formats'
import type { TapeFileStart } from './file-blocks.ts'
import type { StreamWriter } from './stream-writer.ts'

/** What a multiplexed file is written with. */
export interface MultiplexedFileComponents {
  /** Stands where the file begins; nobody else gives it commands until the file has ended. */
  readonly drive: TapeDrive
  readonly clock: Clock
}

/** How a multiplexed file is written. */
export interface MultiplexedFileOptions {
  /** Blocks of 256 KiB of each stream that may wait for their turn, 1–64: the memory that a stream takes. @default 4 */
  readonly waitingBlocks?: number
  /**
   * Bytes of the tape file after which no further stream joins: after a crash a file that was not ended is read through. From 1.
   * @default 274877906944
   */
  readonly joinUpToBytes?: number
}

/** How a multiplexed file ended. */
export interface EndedFile {
  /**
   * `whole`: its list and filemark are on the tape, and the drive stands behind them. `nothing`: nothing was committed, and the drive stands
   * where the file began. `cut`: it could not be closed; what was committed is there, and whoever comes next finds out where it ends.
   */
  readonly end: 'whole' | 'nothing' | 'cut'
  readonly start: TapeFileStart
  /** Where the drive stands, unless the file is cut. */
  readonly object: number
  /** The fragments that were committed, in the order in which they joined. */
  readonly streams: readonly TapeStream[]
  /** Checksum of the file's last block, of a whole one. */
  readonly lastBlock?: string
  /** Whether the end of the medium is near. */
  readonly earlyWarning: boolean
  /** What ended it before its time: all fragments that were open are lost. */
  readonly failure?: NbError
}

/** A multiplexed tape file while it is written. */
export interface MultiplexedFile {
  /** Whether no stream has joined, so that there is nothing to end. */
  readonly isUnused: boolean
  /** Whether the drive has said that the end of the medium is near: no fragment joins any more. */
  readonly nearsEnd: boolean
  /** Whether a fragment can join now. */
  accepts(fragment: NewFragment): boolean
  /**
   * Lets a fragment join; resolves when its header is on its way to the medium. Rejects with `state-conflict` where the file does not
   * accept it, with `media-end` where the end of the medium is near, and as writing does.
   */
  join(fragment: NewFragment): Promise<StreamWriter>
  /**
   * Resolves when the file has ended, one way or another; never rejects. It ends by itself when the last stream has left; one that no
   * stream has joined does not end, and nothing of it is on the tape.
   */
  readonly ended: Promise<EndedFile>
}
