import { FormatError } from '../format-error.ts'
import { HEADER_BYTES } from './fragment.ts'
import type { FrameFormat } from '../compression/compression.ts'
import {
  frameFormatOf,
  storedFrameContent,
  storedFrames,
  storedFramesBytes,
} from '../compression/stored-frame.ts'
import type { FragmentHeader } from './fragment.ts'
import { NB_DIRECTORY, decodeJsonMember, encodeJsonMember } from './tar-member.ts'
import type { JsonFields } from './tar-member.ts'

/** Name and major version of the disk fragment, as its header and footer say it. */
export const DISK_FORMAT = 'nb-disk/1'

/** The same of one that is compressed. Readers of version 1 find nothing they know at the place of its header. */
export const COMPRESSED_FORMAT = 'nb-disk/2'

const NAME = `${NB_DIRECTORY}FRAGMENT.json`
const MAX_BLOCK_BYTES = 64 * 1024 * 1024

/**
 * The first 8,192 bytes of a fragment, of a compressed one when decompressed; see {@link framedHeader}.
 *
 * @param header - what to say
 * @throws TypeError - a field is out of its documented range, or all is more than fits (names of some thousand bytes)
 */
export function encodeFragmentHeader(header: FragmentHeader): Buffer {
  const { backupId, client, policy, schedule, copy, fragment, streamOffset } = header
  const { startsAtMemberBoundary, blockBytes, created, compression } = header
  if (!isBlockSize(blockBytes))
    throw new TypeError(`blockBytes must be a multiple of 512 up to ${MAX_BLOCK_BYTES}`)
  if (!Number.isSafeInteger(copy) || copy < 1) throw new TypeError('copy must be a whole number from 1')
  if (!Number.isSafeInteger(fragment) || fragment < 1)
    throw new TypeError('fragment must be a whole number from 1')
  if (!Number.isSafeInteger(streamOffset) || streamOffset < 0 || streamOffset % 512 !== 0)
    throw new TypeError('streamOffset must be a multiple of 512 from 0')
  if (Number.isNaN(Date.parse(created))) throw new TypeError('created must be a time in ISO 8601')
  const format = formatOf(compression)
  const fields = { format, backupId, client, policy, schedule, copy, fragment, streamOffset }
  return encodeJsonMember(NAME, HEADER_BYTES, created, {
    ...fields,
    startsAtMemberBoundary,
    blockBytes,
    created,
    ...(compression === undefined ? {} : { compression }),
  })
}

/** The format of a fragment that is compressed so. */
export function formatOf(compression: FrameFormat | undefined): string {
  return compression === undefined ? DISK_FORMAT : COMPRESSED_FORMAT
}

/**
 * A header as it stands in the file: of a compressed fragment in a frame of its own, in which it is stored as it is.
 *
 * @param header - what {@link encodeFragmentHeader} made
 * @param compression - as in the header
 */
export function framedHeader(header: Buffer, compression: FrameFormat | undefined): Buffer {
  return compression === undefined ? header : Buffer.concat([...storedFrames(compression, [header])])
}

/** Bytes of what {@link framedHeader} makes: the payload begins there. */
export function framedHeaderBytes(compression: FrameFormat | undefined): number {
  return compression === undefined ? HEADER_BYTES : storedFramesBytes(compression, HEADER_BYTES)
}

/** Most of the first bytes of a fragment's file that a header may take. */
export const MAX_HEADER_BYTES: number = storedFramesBytes('gzip', HEADER_BYTES)

/**
 * Reads the head of a fragment.
 *
 * @param bytes - at least the first 8,192 bytes of the fragment's file, of a compressed one the first 8,215
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`,
 *   `FRAGMENT_INVALID`
 */
export function decodeFragmentHeader(bytes: Uint8Array): FragmentHeader {
  const compression = frameFormatOf(bytes)
  const length = framedHeaderBytes(compression)
  if (bytes.length < length)
    throw new FormatError('FRAGMENT_TRUNCATED', bytes.length, 'A fragment ends inside its header')
  const framed = Buffer.from(bytes.buffer, bytes.byteOffset, length)
  const member = compression === undefined ? framed : storedFrameContent(compression, framed, 0)
  const header = decodeHeaderMember(member, formatOf(compression))
  if (header.compression === compression) return header
  throw new FormatError('FRAGMENT_INVALID', 0, `A fragment of ${compression ?? 'no'} frames says another`)
}

/** The header from the bytes of its member, out of its frame. */
export function headerMemberOf(bytes: Buffer): Buffer {
  const compression = frameFormatOf(bytes)
  const framed = bytes.subarray(0, framedHeaderBytes(compression))
  return compression === undefined ? framed : storedFrameContent(compression, framed, 0)
}

/**
 * Reads the member that {@link encodeFragmentHeader} made.
 *
 * @param member - its 8,192 bytes
 * @param format - what it must be. @default what it says, of those that are known
 */
export function decodeHeaderMember(member: Buffer, format?: string): FragmentHeader {
  const fields = decodeJsonMember(member.subarray(0, HEADER_BYTES), NAME, 0)
  const compression = compressionIn(fields)
  fields.checkFormat(format ?? formatOf(compression))
  const blockBytes = fields.count('blockBytes')
  if (!isBlockSize(blockBytes)) throw fields.fault('blockBytes', 'no block size')
  const created = fields.text('created')
  if (Number.isNaN(Date.parse(created))) throw fields.fault('created', 'no time')
  const streamOffset = fields.count('streamOffset')
  if (streamOffset % 512 !== 0) throw fields.fault('streamOffset', 'no multiple of 512')
  return {
    backupId: fields.text('backupId'),
    client: fields.text('client'),
    policy: fields.text('policy'),
    schedule: fields.text('schedule'),
    copy: fields.count('copy', 1),
    fragment: fields.count('fragment', 1),
    streamOffset,
    startsAtMemberBoundary: fields.flag('startsAtMemberBoundary'),
    blockBytes,
    created,
    ...(compression === undefined ? {} : { compression }),
  }
}

/** What a header or footer says of its compression. */
export function compressionIn(fields: JsonFields): FrameFormat | undefined {
  if (!fields.has('compression')) return undefined
  const compression = fields.text('compression')
  if (compression === 'zstd' || compression === 'gzip') return compression
  throw fields.fault('compression', 'none that is known')
}

function isBlockSize(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value % 512 === 0 && value <= MAX_BLOCK_BYTES
}
