import type { FragmentHeader, TrailerMember } from '../fragment/fragment.ts'

/** Name and major version of the tape format. */
export const TAPE_FORMAT = 'nb-tape/1'

/** Bytes of every block of a tape but its label: a record of `tar -b 512`. */
export const TAPE_BLOCK_BYTES: number = 256 * 1024

/** Bytes of the stream in a full data block of a multiplexed file: the block without its tar header. */
export const STREAM_BLOCK_BYTES: number = TAPE_BLOCK_BYTES - 512

/** Number of the first tape file behind the label and the text how to read the tape: fragments stand from here on. */
export const FIRST_FRAGMENT_FILE = 2

/** Most streams that share a tape file at one time. */
export const MAX_STREAMS_AT_ONCE = 32

/** Greatest number of a stream in a tape file; none is used twice. */
export const MAX_STREAM_NUMBER = 99

/** Which tape, and which writing of it. */
export interface TapeIdentity {
  /** Volume id: one to six of `A–Z` and `0–9`. */
  readonly volume: string
  /** Id drawn anew at every labelling. */
  readonly generation: string
}

/** Which file of which tape. */
export interface TapePlace extends TapeIdentity {
  /** File number, counted in filemarks from 0 at the beginning of the tape. */
  readonly file: number
}

/** What `.nb/VOLUME.json` says, in the block after the label. */
export interface TapeVolume extends TapeIdentity {
  /** The whole barcode, where one is known. */
  readonly barcode?: string
  /** Pool that the volume was labelled for. */
  readonly pool: string
  /** When it was labelled: ISO 8601, UTC. */
  readonly created: string
  /** Of the key with which the drive encrypts all but label and README; absent where it does not. */
  readonly keyLabel?: string
}

/** What the first block of a fragment says. */
export interface TapeFragmentHeader extends TapePlace, FragmentHeader {
  /** Number of this block in its tape file: 0, but where a stream joined a multiplexed one. */
  readonly block: number
  /** Number of the stream in a multiplexed file, 1–99; absent in a plain one. */
  readonly stream?: number
  /** Volume id of the tape that holds the fragment before, where it is another. */
  readonly previousVolume?: string
}

/** What the last block of a fragment says. */
export interface TapeFragmentFooter extends TapePlace {
  /** Number of this block in its tape file. */
  readonly block: number
  /** As in the header. */
  readonly stream?: number
  /** As in the header. */
  readonly backupId: string
  /** As in the header. */
  readonly copy: number
  /** As in the header. */
  readonly fragment: number
  /** As in the header. */
  readonly streamOffset: number
  /** As in the header. */
  readonly blockBytes: number
  /** As in the header. */
  readonly compression?: FragmentHeader['compression']
  /** XXH3-64 of the header's block, 16 hexadecimal digits. */
  readonly headerChecksum: string
  /** Bytes of the stream, decompressed; a multiple of 512. */
  readonly payloadBytes: number
  /** Bytes that they take in the payload's blocks, without fill. */
  readonly storedBytes: number
  /** Blocks of payload. */
  readonly payloadBlocks: number
  /** Blocks of the trailer, before this one. */
  readonly trailerBlocks: number
  /** Whether the payload's last byte is a member's last byte. */
  readonly endsAtMemberBoundary: boolean
  /** Whether this is the image's last fragment. */
  readonly lastFragment: boolean
  /** Members of the trailer; `offset` is that of the data from the trailer's first byte. */
  readonly members: readonly TrailerMember[]
}

/** What `.nb/END.json` says: nothing follows. */
export interface TapeEnd extends TapePlace {
  /** Fragments on the tape. */
  readonly fragments: number
  /** XXH3-64 of the block before the filemark before this file, 16 hexadecimal digits; absent where there is no fragment. */
  readonly lastFooter?: string
  /** Whether nothing more may be appended. */
  readonly full: boolean
  /** Volume id of the tape on which an image goes on, where it is known. */
  readonly nextVolume?: string
  /** When it was written: ISO 8601, UTC. */
  readonly created: string
}

/** One stream of a multiplexed file, as `.nb/STREAMS.json` lists it. */
export interface TapeStream {
  /** Its number, 1–99. */
  readonly stream: number
  /** Id of the image. */
  readonly backupId: string
  /** Number of the copy, from 1. */
  readonly copy: number
  /** Number of the fragment within the copy, from 1. */
  readonly fragment: number
  /** Number of its header's block in the tape file. */
  readonly headerBlock: number
  /** Number of its footer's block in the tape file. */
  readonly footerBlock: number
}

/** What the first block of a multiplexed file says. */
export interface MultiplexHeader extends TapePlace {
  /** When it was begun: ISO 8601, UTC. */
  readonly created: string
}

/** What the last block of a multiplexed file says. */
export interface MultiplexFooter extends MultiplexHeader {
  /** Blocks of the file, this one included. */
  readonly blocks: number
  /** All fragments of the file, in the order in which they joined. */
  readonly streams: readonly TapeStream[]
}
