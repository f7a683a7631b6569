import { END_OF_ARCHIVE } from '../archive/member.ts'
import type { JsonFields } from '../fragment/tar-member.ts'
import {
  checkNumber,
  checkTime,
  decodeJsonBlock,
  encodeJsonBlock,
  placeOf,
  readNumber,
  readPlace,
  readTime,
  wholeBlock,
} from './json-block.ts'
import { MAX_STREAM_NUMBER, TAPE_BLOCK_BYTES } from './tape.ts'
import type { MultiplexFooter, MultiplexHeader, TapeStream } from './tape.ts'

const HEADER = 'MULTIPLEX.json'
const FOOTER = 'STREAMS.json'
const FOOTER_BYTES = TAPE_BLOCK_BYTES - END_OF_ARCHIVE.length

/**
 * The first block of a multiplexed file.
 *
 * @param header - what to say
 * @throws TypeError - a field is out of its documented range
 */
export function encodeMultiplexHeader(header: MultiplexHeader): Buffer {
  const { created } = header
  return encodeJsonBlock(HEADER, created, { ...placeOf(header), created })
}

/**
 * Reads what {@link encodeMultiplexHeader} made.
 *
 * @param block - the block
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN` - the file is not multiplexed;
 *   `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`
 */
export function decodeMultiplexHeader(block: Uint8Array): MultiplexHeader {
  const fields = decodeJsonBlock(block, HEADER)
  return { ...readPlace(fields), created: readTime(fields) }
}

/**
 * The last block of a multiplexed file.
 *
 * @param footer - what to say
 * @throws TypeError - a field is out of its documented range, or streams overlap what cannot be
 */
export function encodeMultiplexFooter(footer: MultiplexFooter): Buffer {
  const { created, blocks, streams } = footer
  checkTime(created)
  checkNumber('blocks', blocks, 2)
  const fault = faultOf(footer)
  if (fault !== undefined) throw new TypeError(`streams: ${fault}`)
  const listed = streams.map(({ stream, backupId, copy, fragment, headerBlock, footerBlock }) => {
    checkNumber('copy', copy, 1)
    checkNumber('fragment', fragment, 1)
    return { stream, backupId, copy, fragment, headerBlock, footerBlock }
  })
  const member = encodeJsonBlock(
    FOOTER,
    created,
    { ...placeOf(footer), created, blocks, streams: listed },
    FOOTER_BYTES,
  )
  return Buffer.concat([member, END_OF_ARCHIVE])
}

/**
 * Reads what {@link encodeMultiplexFooter} made.
 *
 * @param block - the block
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN` - no such footer; `FORMAT_VERSION_UNSUPPORTED`,
 *   `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`
 */
export function decodeMultiplexFooter(block: Uint8Array): MultiplexFooter {
  const fields = decodeJsonBlock(block, FOOTER, FOOTER_BYTES)
  const footer = {
    ...readPlace(fields),
    created: readTime(fields),
    blocks: readNumber(fields, 'blocks', 2),
    streams: fields.list('streams').map(readStream),
  }
  if (!wholeBlock(block).subarray(FOOTER_BYTES).equals(END_OF_ARCHIVE))
    throw fields.fault('format', 'not followed by an end marker')
  const fault = faultOf(footer)
  if (fault !== undefined) throw fields.fault('streams', fault)
  return footer
}

function readStream(fields: JsonFields): TapeStream {
  return {
    stream: fields.count('stream', 1),
    backupId: fields.text('backupId'),
    copy: readNumber(fields, 'copy', 1),
    fragment: readNumber(fields, 'fragment', 1),
    headerBlock: readNumber(fields, 'headerBlock', 1),
    footerBlock: readNumber(fields, 'footerBlock', 1),
  }
}

/** What is impossible about a list of streams. */
function faultOf({ blocks, streams }: Pick<MultiplexFooter, 'blocks' | 'streams'>): string | undefined {
  const numbers = new Set<number>()
  let joined = 0
  for (const { stream, headerBlock, footerBlock } of streams) {
    if (!Number.isSafeInteger(stream) || stream < 1 || stream > MAX_STREAM_NUMBER || numbers.has(stream))
      return 'with an impossible number'
    numbers.add(stream)
    // Between header and footer is at least a block of trailer; the last block of the file is none of a stream.
    if (headerBlock <= joined || footerBlock < headerBlock + 2 || footerBlock > blocks - 2)
      return 'with blocks that cannot be'
    joined = headerBlock
  }
  return undefined
}
