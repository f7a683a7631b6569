import type { FrameFormat } from '../compression/compression.ts'

/** Bytes of the header of a disk fragment: one tar member, `.nb/FRAGMENT.json`. The payload follows. */
export const HEADER_BYTES = 8192

/** Bytes of the footer of a disk fragment: one tar member, `.nb/FOOTER.json`. */
export const FOOTER_BYTES = 4096

/** Bytes of payload under one checksum; the last block of a fragment may be shorter. */
export const BLOCK_BYTES: number = 256 * 1024

/** Bytes of one checksum in `.nb/BLOCKS`: XXH3-64, little endian. */
export const BLOCK_CHECKSUM_BYTES = 8

/** What the first 8,192 bytes of a fragment say. */
export interface FragmentHeader {
  /** Id of the image. */
  readonly backupId: string
  /** Client the data came from. */
  readonly client: string
  /** Policy that asked for the backup. */
  readonly policy: string
  /** Schedule that asked for the backup. */
  readonly schedule: string
  /** Number of the copy, from 1. */
  readonly copy: number
  /** Number of the fragment within the copy, from 1. */
  readonly fragment: number
  /** Offset in the archive stream of the payload's first byte; a multiple of 512. */
  readonly streamOffset: number
  /** Whether the payload's first byte is a member's first byte. */
  readonly startsAtMemberBoundary: boolean
  /** Payload bytes under one checksum. */
  readonly blockBytes: number
  /** When the fragment was begun: ISO 8601, UTC. */
  readonly created: string
  /** How all of it is compressed; absent is not at all. */
  readonly compression?: FrameFormat
}

/** Where a trailer member's data is in the fragment's file. */
export interface TrailerMember {
  /** Member path, such as `.nb/FILES`. */
  readonly name: string
  /** Offset of its data (after its tar header) from the start of the fragment's file, of a compressed one when decompressed. */
  readonly offset: number
  /** Bytes of its data. */
  readonly sizeBytes: number
  /** XXH3-64 of its data, 16 hexadecimal digits. */
  readonly checksum: string
}

/** What the footer of a fragment says: all that is needed to check and read the rest of it. */
export interface FragmentFooter {
  /** Id of the image. */
  readonly backupId: string
  /** Number of the copy, from 1. */
  readonly copy: number
  /** Number of the fragment within the copy, from 1. */
  readonly fragment: number
  /** Offset in the archive stream of the payload's first byte. */
  readonly streamOffset: number
  /** Bytes of payload, decompressed; a multiple of 512. The payload lies at {@link HEADER_BYTES} of the file, decompressed. */
  readonly payloadBytes: number
  /** How all of it is compressed; absent is not at all. */
  readonly compression?: FrameFormat
  /** Bytes that the payload takes in the file; where it is not compressed, `payloadBytes`. */
  readonly storedBytes: number
  /** Payload bytes, as they are stored, under one checksum. */
  readonly blockBytes: number
  /** XXH3-64 of the fragment's header, 16 hexadecimal digits. */
  readonly headerChecksum: string
  /** Whether the payload's last byte is a member's last byte. */
  readonly endsAtMemberBoundary: boolean
  /** Whether this is the image's last fragment: 1,024 zero bytes then follow the footer. */
  readonly lastFragment: boolean
  /** Members of the trailer in order: `.nb/IMAGE.json`, `.nb/FILES`, `.nb/FRAMES` where it is compressed, `.nb/BLOCKS`. */
  readonly members: readonly TrailerMember[]
}
