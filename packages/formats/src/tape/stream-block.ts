import { encodeMember } from '../archive/encode-member.ts'
import {
  FIELD,
  NAME_BYTES,
  OWNER_NAME_BYTES,
  hasValidChecksum,
  readBytes,
  readNumber,
} from '../archive/ustar.ts'
import { FormatError } from '../format-error.ts'
import { NB_DIRECTORY } from '../fragment/tar-member.ts'
import { fillAfter } from './fill.ts'
import { checkNumber, tapeBlockChecksum, wholeBlock } from './json-block.ts'
import { MAX_STREAM_NUMBER, STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES } from './tape.ts'

const NAME = new RegExp(`^\\${NB_DIRECTORY}stream-(?!00)(\\d{2})/(\\d{8})$`)
const MAX_SEQUENCE = 99_999_999
const HEADER_BYTES = TAPE_BLOCK_BYTES - STREAM_BLOCK_BYTES

/** Whose a data block of a multiplexed file is, and which. */
export interface StreamBlockIdentity {
  /** Number of the stream, 1–99. */
  readonly stream: number
  /** Number of the block within the fragment, from 0. */
  readonly sequence: number
  /** XXH3-64 of the block with the fragment's header, 16 hexadecimal digits. */
  readonly headerChecksum: string
}

/** A data block of a multiplexed file. */
export interface StreamBlock extends StreamBlockIdentity {
  /** Bytes of the stream: 261,632, or fewer in a fragment's last block. A view. */
  readonly data: Buffer
}

/**
 * A data block of a multiplexed file: a tar member, so that tar alone tells streams apart.
 *
 * @param block - what to say
 * @throws TypeError - a field is out of its documented range
 */
export function encodeStreamBlock(block: StreamBlockIdentity & { readonly data: Uint8Array }): Buffer {
  const { stream, sequence, headerChecksum, data } = block
  checkNumber('stream', stream, 1, MAX_STREAM_NUMBER)
  checkNumber('sequence', sequence, 0, MAX_SEQUENCE)
  checkNumber('data.length', data.length, 1, STREAM_BLOCK_BYTES)
  if (!/^[0-9a-f]{16}$/.test(headerChecksum)) throw new TypeError('headerChecksum must be a checksum')
  const header = headerOf(block, tapeBlockChecksum(data), data.length)
  const bytes = Buffer.alloc(TAPE_BLOCK_BYTES)
  header.copy(bytes)
  bytes.set(data, HEADER_BYTES)
  const end = HEADER_BYTES + Math.ceil(data.length / 512) * 512
  fillAfter(end).copy(bytes, end)
  return bytes
}

/**
 * Reads what {@link encodeStreamBlock} made, and checks its data.
 *
 * @param block - the block
 * @param expected - which it must be. @default any
 * @throws FormatError `FRAGMENT_TRUNCATED`; `FORMAT_UNKNOWN` - no data block; `FRAGMENT_BLOCK_DAMAGED`; `TAPE_MISPLACED` -
 *   whole, and another
 */
export function decodeStreamBlock(block: Uint8Array, expected?: StreamBlockIdentity): StreamBlock {
  const bytes = wholeBlock(block)
  const name = NAME.exec(readBytes(bytes, FIELD.name, NAME_BYTES).toString('latin1'))
  if (name === null) throw new FormatError('FORMAT_UNKNOWN', 0, 'No data block of a stream')
  if (!hasValidChecksum(bytes.subarray(0, HEADER_BYTES)))
    throw new FormatError('FRAGMENT_BLOCK_DAMAGED', 0, 'The header of a data block is damaged')
  const identity = {
    stream: Number(name[1]),
    sequence: Number(name[2]),
    headerChecksum: readBytes(bytes, FIELD.groupName, OWNER_NAME_BYTES).toString('latin1'),
  }
  const length = readNumber(bytes, FIELD.size, 12, 0)
  const data = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length)
  const check = tapeBlockChecksum(data)
  const isWhole = length > 0 && data.length === length
  // Written again from what it says: nothing in the header is left unread.
  if (!isWhole || !headerOf(identity, check, length).equals(bytes.subarray(0, HEADER_BYTES)))
    throw new FormatError('FRAGMENT_BLOCK_DAMAGED', 0, 'A data block does not match its checksum')
  for (const field of ['stream', 'sequence', 'headerChecksum'] as const)
    if (expected !== undefined && expected[field] !== identity[field])
      throw new FormatError(
        'TAPE_MISPLACED',
        0,
        `A data block has ${field} ${identity[field]}, not ${expected[field]}`,
      )
  return { ...identity, data }
}

function headerOf(
  { stream, sequence, headerChecksum }: StreamBlockIdentity,
  check: string,
  length: number,
): Buffer {
  const name = `${NB_DIRECTORY}stream-${String(stream).padStart(2, '0')}/${String(sequence).padStart(8, '0')}`
  return encodeMember({
    ...{ path: Buffer.from(name), kind: 'file', mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n },
    ...{ userName: check, groupName: headerChecksum, sizeBytes: length },
  })
}
