import { FormatError } from '../format-error.ts'
import { HEADER_BYTES } from './fragment.ts'
import type { FragmentHeader } from './fragment.ts'
import { NB_DIRECTORY, decodeJsonMember, encodeJsonMember } from './tar-member.ts'

/** Name and major version of the disk fragment, as its header and footer say it. */
export const DISK_FORMAT = 'nb-disk/1'

const NAME = `${NB_DIRECTORY}FRAGMENT.json`
const MAX_BLOCK_BYTES = 64 * 1024 * 1024

/**
 * The first 8,192 bytes of a fragment.
 *
 * @param header - what to say
 * @throws TypeError - a field is out of its documented range, or all is more than fits (names of some thousand bytes)
 */
export function encodeFragmentHeader(header: FragmentHeader): Buffer {
  const { backupId, client, policy, schedule, copy, fragment, streamOffset } = header
  const { startsAtMemberBoundary, blockBytes, created } = header
  if (!isBlockSize(blockBytes))
    throw new TypeError(`blockBytes must be a multiple of 512 up to ${MAX_BLOCK_BYTES}`)
  if (!Number.isSafeInteger(copy) || copy < 1) throw new TypeError('copy must be a whole number from 1')
  if (!Number.isSafeInteger(fragment) || fragment < 1)
    throw new TypeError('fragment must be a whole number from 1')
  if (!Number.isSafeInteger(streamOffset) || streamOffset < 0 || streamOffset % 512 !== 0)
    throw new TypeError('streamOffset must be a multiple of 512 from 0')
  if (Number.isNaN(Date.parse(created))) throw new TypeError('created must be a time in ISO 8601')
  const fields = { format: DISK_FORMAT, backupId, client, policy, schedule, copy, fragment, streamOffset }
  return encodeJsonMember(NAME, HEADER_BYTES, created, {
    ...fields,
    startsAtMemberBoundary,
    blockBytes,
    created,
  })
}

/**
 * Reads the head of a fragment.
 *
 * @param bytes - at least the first 8,192 bytes of the fragment's file
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`,
 *   `FRAGMENT_INVALID`
 */
export function decodeFragmentHeader(bytes: Uint8Array): FragmentHeader {
  if (bytes.length < HEADER_BYTES)
    throw new FormatError('FRAGMENT_TRUNCATED', bytes.length, 'A fragment ends inside its header')
  const fields = decodeJsonMember(Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES), NAME, 0)
  fields.checkFormat(DISK_FORMAT)
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
  }
}

function isBlockSize(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value % 512 === 0 && value <= MAX_BLOCK_BYTES
}
