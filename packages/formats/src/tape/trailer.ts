import { END_OF_ARCHIVE, paddingOf } from '../archive/member.ts'
import { checksumOf, checksumText } from '../checksum.ts'
import type { FrameFormat } from '../compression/compression.ts'
import { FRAME_ENTRY_BYTES } from '../compression/frame-index.ts'
import { BLOCK_CHECKSUM_BYTES } from '../fragment/fragment.ts'
import type { TrailerMember } from '../fragment/fragment.ts'
import { NB_DIRECTORY, encodeOwnMember } from '../fragment/tar-member.ts'
import { fillAfter, filledBlocks } from './fill.ts'
import { decodeTapeFragmentHeader } from './header.ts'
import { checkNumber, encodeJsonBlock, tapeBlockChecksum } from './json-block.ts'
import { STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES } from './tape.ts'
import type { TapeFragmentHeader } from './tape.ts'

/** Bytes of an entry of `.nb/PLACES`: the number of a data block in its tape file, little endian. */
export const PLACE_BYTES = 4

/** A member of a tape fragment's trailer. */
export type TapeTrailerName = 'IMAGE.json' | 'FILES' | 'FRAMES' | 'PLACES' | 'BLOCKS'

/** What a trailer says about the payload before it. */
export interface TapeTrailer {
  /** The fragment's own header as `encodeTapeFragmentHeader` made it. */
  readonly header: Buffer
  /** Number of the trailer's first block in its tape file. */
  readonly block: number
  /** Bytes of the stream in the payload, decompressed; a multiple of 512. */
  readonly payloadBytes: number
  /** Bytes that the payload of a compressed fragment takes, without fill. @default payloadBytes */
  readonly storedBytes?: number
  /** Whether the payload's last byte is a member's last byte. */
  readonly endsAtMemberBoundary: boolean
  /** Whether this is the image's last fragment. */
  readonly lastFragment: boolean
  /** The image record so far: any plain data that JSON can say. */
  readonly image: unknown
  /** The file list of this fragment, in pieces. */
  readonly files: readonly Uint8Array[]
  /** Of a compressed fragment: what `FrameIndexWriter.finish()` gave. */
  readonly frames?: Uint8Array
  /** Of a multiplexed fragment: the number of each data block in the tape file, in order. */
  readonly places?: readonly number[]
  /** What `BlockChecksums.finish()` gave for the payload's blocks of 256 KiB, fill and tar headers included. */
  readonly blocks: Uint8Array
}

/** What decides how a fragment's payload and trailer are laid out. */
export interface FragmentKind {
  /** How the payload is compressed. */
  readonly compression?: FrameFormat | undefined
  /** Number of the stream in a multiplexed file. */
  readonly stream?: number | undefined
}

/** The trailer's members, in the order in which they are written. */
export function tapeTrailerNames(header: FragmentKind): TapeTrailerName[] {
  return [
    'IMAGE.json',
    'FILES',
    ...(header.compression === undefined ? [] : (['FRAMES'] as const)),
    ...(header.stream === undefined ? [] : (['PLACES'] as const)),
    'BLOCKS',
  ]
}

/** Blocks that a payload takes. */
export function payloadBlocksOf(storedBytes: number, { stream, compression }: FragmentKind): number {
  return stream === undefined
    ? filledBlocks(storedBytes, compression)
    : Math.ceil(storedBytes / STREAM_BLOCK_BYTES)
}

/**
 * All that follows a fragment's payload.
 *
 * @param trailer - what it says
 * @returns blocks to write one after the other, made as they are asked for; the last is the footer
 * @throws TypeError - sizes that do not go together. Thrown by the call, before the first block
 */
export function encodeTapeTrailer(trailer: TapeTrailer): Iterable<Buffer> {
  const header = decodeTapeFragmentHeader(trailer.header)
  const { storedBytes, payloadBlocks } = checkSizes(trailer, header)
  const pieces: Uint8Array[] = []
  const members: TrailerMember[] = []
  let position = 0
  for (const name of tapeTrailerNames(header)) {
    const content = contentOf(trailer, name)
    const sizeBytes = content.reduce((sum, piece) => sum + piece.length, 0)
    const head = encodeOwnMember(NB_DIRECTORY + name, sizeBytes, header.created)
    const offset = position + head.length
    members.push({
      name: NB_DIRECTORY + name,
      offset,
      sizeBytes,
      checksum: checksumText(checksumOf(...content)),
    })
    pieces.push(head, ...content, Buffer.alloc(paddingOf(sizeBytes)))
    position = offset + sizeBytes + paddingOf(sizeBytes)
  }
  pieces.push(fillAfter(position))
  const trailerBlocks = filledBlocks(position)
  const footer = encodeFooter(trailer, header, { storedBytes, payloadBlocks, trailerBlocks, members })
  return inBlocks(pieces, footer)
}

/** A fragment's last block: the end of an archive only where tar does not go on to another stream. */
function encodeFooter(
  trailer: TapeTrailer,
  header: TapeFragmentHeader,
  sizes: {
    readonly storedBytes: number
    readonly payloadBlocks: number
    readonly trailerBlocks: number
    readonly members: readonly TrailerMember[]
  },
): Buffer {
  const {
    volume,
    generation,
    file,
    stream,
    backupId,
    copy,
    fragment,
    streamOffset,
    blockBytes,
    compression,
  } = header
  const { payloadBytes, endsAtMemberBoundary, lastFragment } = trailer
  const block = trailer.block + sizes.trailerBlocks
  checkNumber('block', block)
  const end = endMarkerOf(stream, lastFragment)
  const fields = {
    ...{ volume, generation, file, block },
    ...(stream === undefined ? {} : { stream }),
    ...{ backupId, copy, fragment, streamOffset, blockBytes },
    ...(compression === undefined ? {} : { compression }),
    headerChecksum: tapeBlockChecksum(trailer.header),
    payloadBytes,
    ...sizes,
    endsAtMemberBoundary,
    lastFragment,
  }
  const member = encodeJsonBlock('FOOTER.json', header.created, fields, TAPE_BLOCK_BYTES - end.length)
  return Buffer.concat([member, end])
}

/** What follows a footer's member in its block. */
export function endMarkerOf(stream: number | undefined, lastFragment: boolean): Buffer {
  return lastFragment && stream === undefined ? END_OF_ARCHIVE : Buffer.alloc(0)
}

function checkSizes(
  trailer: TapeTrailer,
  header: TapeFragmentHeader,
): { readonly storedBytes: number; readonly payloadBlocks: number } {
  const {
    block,
    payloadBytes,
    storedBytes = payloadBytes,
    endsAtMemberBoundary,
    frames,
    places,
    blocks,
  } = trailer
  const { compression, stream } = header
  if (!Number.isSafeInteger(payloadBytes) || payloadBytes < 0 || payloadBytes % 512 !== 0)
    throw new TypeError('payloadBytes must be a multiple of 512')
  checkNumber('storedBytes', storedBytes, 0, Number.MAX_SAFE_INTEGER)
  if (compression === undefined && storedBytes !== payloadBytes)
    throw new TypeError('storedBytes are those of a compressed payload')
  if (
    (compression === undefined) !== (frames === undefined) ||
    (frames?.length ?? 0) % FRAME_ENTRY_BYTES !== 0
  )
    throw new TypeError('a compressed fragment, and no other, has frames')
  if (
    compression === undefined &&
    stream === undefined &&
    !endsAtMemberBoundary &&
    payloadBytes % TAPE_BLOCK_BYTES !== 0
  )
    throw new TypeError('a payload that ends inside a member ends with a block')
  const payloadBlocks = payloadBlocksOf(storedBytes, header)
  if (blocks.length !== payloadBlocks * BLOCK_CHECKSUM_BYTES)
    throw new TypeError(`${blocks.length} bytes of checksums do not match ${payloadBlocks} blocks`)
  if (
    (stream === undefined) !== (places === undefined) ||
    (places !== undefined && places.length !== payloadBlocks)
  )
    throw new TypeError('a multiplexed fragment, and no other, has a place for each block')
  let before = header.block
  for (const place of places ?? []) {
    checkNumber('place', place, before + 1, block - 1)
    before = place
  }
  checkNumber('block', block, header.block + 1 + payloadBlocks)
  if (stream === undefined && block !== 1 + payloadBlocks)
    throw new TypeError('block is not the one after the payload')
  return { storedBytes, payloadBlocks }
}

function contentOf(trailer: TapeTrailer, name: TapeTrailerName): readonly Uint8Array[] {
  switch (name) {
    case 'IMAGE.json':
      return [Buffer.from(`${JSON.stringify(trailer.image, undefined, 2)}\n`)]
    case 'FILES':
      return trailer.files
    case 'FRAMES':
      return trailer.frames === undefined ? [] : [trailer.frames]
    case 'PLACES': {
      const places = Buffer.alloc((trailer.places?.length ?? 0) * PLACE_BYTES)
      for (const [index, place] of (trailer.places ?? []).entries())
        places.writeUInt32LE(place, index * PLACE_BYTES)
      return [places]
    }
    case 'BLOCKS':
      return [trailer.blocks]
  }
}

function* inBlocks(pieces: readonly Uint8Array[], footer: Buffer): Generator<Buffer> {
  let block = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
  let length = 0
  for (const piece of pieces) {
    let at = 0
    while (at < piece.length) {
      const count = Math.min(piece.length - at, TAPE_BLOCK_BYTES - length)
      block.set(piece.subarray(at, at + count), length)
      at += count
      length += count
      if (length < TAPE_BLOCK_BYTES) continue
      yield block
      block = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
      length = 0
    }
  }
  yield footer
}
