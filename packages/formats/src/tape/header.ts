import { compressionIn } from '../fragment/header.ts'
import type { JsonFields } from '../fragment/tar-member.ts'
import {
  checkNumber,
  decodeJsonBlock,
  encodeJsonBlock,
  isVolumeId,
  placeOf,
  readNumber,
  readPlace,
  readTime,
} from './json-block.ts'
import { MAX_STREAM_NUMBER, STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES } from './tape.ts'
import type { TapeFragmentHeader } from './tape.ts'

const NAME = 'FRAGMENT.json'

/** Bytes of the stream in a full block of payload: in a multiplexed file each block begins with a tar header. */
export function payloadBlockBytes(stream: number | undefined): number {
  return stream === undefined ? TAPE_BLOCK_BYTES : STREAM_BLOCK_BYTES
}

/**
 * The first block of a fragment.
 *
 * @param header - what to say
 * @throws TypeError - a field is out of its documented range, or all is more than fits
 */
export function encodeTapeFragmentHeader(header: TapeFragmentHeader): Buffer {
  const { block, stream, backupId, client, policy, schedule, copy, fragment, streamOffset } = header
  const { startsAtMemberBoundary, blockBytes, created, compression, previousVolume } = header
  checkNumber('block', block)
  if (stream !== undefined) checkNumber('stream', stream, 1, MAX_STREAM_NUMBER)
  if ((stream === undefined) !== (block === 0))
    throw new TypeError('a header is the first block of a plain file, and a later one of a multiplexed one')
  if (blockBytes !== payloadBlockBytes(stream)) throw new TypeError('blockBytes is given by the kind of file')
  checkNumber('copy', copy, 1)
  checkNumber('fragment', fragment, 1)
  if (!Number.isSafeInteger(streamOffset) || streamOffset < 0 || streamOffset % 512 !== 0)
    throw new TypeError('streamOffset must be a multiple of 512 from 0')
  if (previousVolume !== undefined && !isVolumeId(previousVolume))
    throw new TypeError('previousVolume must be a volume id')
  return encodeJsonBlock(NAME, created, {
    ...placeOf(header),
    block,
    ...(stream === undefined ? {} : { stream }),
    ...{ backupId, client, policy, schedule, copy, fragment, streamOffset, startsAtMemberBoundary },
    blockBytes,
    created,
    ...(compression === undefined ? {} : { compression }),
    ...(previousVolume === undefined ? {} : { previousVolume }),
  })
}

/**
 * Reads what {@link encodeTapeFragmentHeader} made. That it stands where it says is for `checkTapePlace`.
 *
 * @param block - the block
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`,
 *   `FRAGMENT_INVALID`
 */
export function decodeTapeFragmentHeader(block: Uint8Array): TapeFragmentHeader {
  const fields = decodeJsonBlock(block, NAME)
  const compression = compressionIn(fields)
  const { stream, number } = readStreamAndBlock(fields)
  if ((stream === undefined) !== (number === 0)) throw fields.fault('block', 'no place of a header')
  return {
    ...readPlace(fields),
    block: number,
    ...(stream === undefined ? {} : { stream }),
    backupId: fields.text('backupId'),
    client: fields.text('client'),
    policy: fields.text('policy'),
    schedule: fields.text('schedule'),
    copy: readNumber(fields, 'copy', 1),
    fragment: readNumber(fields, 'fragment', 1),
    streamOffset: readStreamOffset(fields),
    startsAtMemberBoundary: fields.flag('startsAtMemberBoundary'),
    blockBytes: readBlockBytes(fields, stream),
    created: readTime(fields),
    ...(compression === undefined ? {} : { compression }),
    ...(fields.has('previousVolume') ? { previousVolume: readVolumeId(fields, 'previousVolume') } : {}),
  }
}

/** What header and footer say of their own place. */
export function readStreamAndBlock(fields: JsonFields): {
  readonly stream: number | undefined
  readonly number: number
} {
  const stream = fields.has('stream') ? readNumber(fields, 'stream', 1, MAX_STREAM_NUMBER) : undefined
  return { stream, number: readNumber(fields, 'block') }
}

/** A volume id as it was written. */
export function readVolumeId(fields: JsonFields, field: string): string {
  const volume = fields.text(field)
  if (!isVolumeId(volume)) throw fields.fault(field, 'no volume id')
  return volume
}

/** The stream offset as it was written. */
export function readStreamOffset(fields: JsonFields): number {
  const streamOffset = fields.count('streamOffset')
  if (streamOffset % 512 !== 0) throw fields.fault('streamOffset', 'no multiple of 512')
  return streamOffset
}

/** The block size as it was written. */
export function readBlockBytes(fields: JsonFields, stream: number | undefined): number {
  const blockBytes = fields.count('blockBytes')
  if (blockBytes !== payloadBlockBytes(stream)) throw fields.fault('blockBytes', 'not that of such a file')
  return blockBytes
}
