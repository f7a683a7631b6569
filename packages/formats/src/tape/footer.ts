import { END_OF_ARCHIVE, paddingOf } from '../archive/member.ts'
import { FormatError } from '../format-error.ts'
import { FRAME_ENTRY_BYTES } from '../compression/frame-index.ts'
import { readTrailerMembers } from '../fragment/footer.ts'
import { BLOCK_CHECKSUM_BYTES } from '../fragment/fragment.ts'
import { compressionIn } from '../fragment/header.ts'
import { NB_DIRECTORY, ownMemberHeaderBytes } from '../fragment/tar-member.ts'
import type { JsonFields } from '../fragment/tar-member.ts'
import { filledBlocks } from './fill.ts'
import { readBlockBytes, readStreamAndBlock, readStreamOffset } from './header.ts'
import {
  checkTapePlace,
  decodeJsonBlock,
  readNumber,
  readPlace,
  tapeBlockChecksum,
  wholeBlock,
} from './json-block.ts'
import { TAPE_BLOCK_BYTES } from './tape.ts'
import type { TapeFragmentFooter, TapeFragmentHeader } from './tape.ts'
import { PLACE_BYTES, endMarkerOf, payloadBlocksOf, tapeTrailerNames } from './trailer.ts'

/**
 * Reads the last block of a fragment.
 *
 * @param block - the block
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN` - no footer; `FORMAT_VERSION_UNSUPPORTED`,
 *   `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`
 */
export function decodeTapeFragmentFooter(block: Uint8Array): TapeFragmentFooter {
  const endsArchive = wholeBlock(block).subarray(-END_OF_ARCHIVE.length).equals(END_OF_ARCHIVE)
  const memberBytes = TAPE_BLOCK_BYTES - (endsArchive ? END_OF_ARCHIVE.length : 0)
  const fields = decodeJsonBlock(block, 'FOOTER.json', memberBytes)
  const footer = readFooter(fields)
  if (endMarkerOf(footer.stream, footer.lastFragment).length !== TAPE_BLOCK_BYTES - memberBytes)
    throw fields.fault('lastFragment', 'not what the end of the block says')
  checkLayout(footer, fields)
  return footer
}

/**
 * Checks that a footer closes this very header: both are whole, yet one may be a remainder of another writing.
 *
 * @param footer - the footer
 * @param header - the header
 * @param headerBlock - the block that the header was read from
 * @throws FormatError `TAPE_MISPLACED`
 */
export function checkTapeFooter(
  footer: TapeFragmentFooter,
  header: TapeFragmentHeader,
  headerBlock: Uint8Array,
): void {
  checkTapePlace(footer, header)
  if (footer.headerChecksum !== tapeBlockChecksum(headerBlock) || footer.stream !== header.stream)
    throw new FormatError('TAPE_MISPLACED', 0, 'A footer closes another header than the one that was read')
}

function readFooter(fields: JsonFields): TapeFragmentFooter {
  const compression = compressionIn(fields)
  const { stream, number } = readStreamAndBlock(fields)
  return {
    ...readPlace(fields),
    block: number,
    ...(stream === undefined ? {} : { stream }),
    backupId: fields.text('backupId'),
    copy: readNumber(fields, 'copy', 1),
    fragment: readNumber(fields, 'fragment', 1),
    streamOffset: readStreamOffset(fields),
    blockBytes: readBlockBytes(fields, stream),
    ...(compression === undefined ? {} : { compression }),
    headerChecksum: fields.text('headerChecksum'),
    payloadBytes: fields.count('payloadBytes'),
    storedBytes: fields.count('storedBytes'),
    payloadBlocks: readNumber(fields, 'payloadBlocks'),
    trailerBlocks: readNumber(fields, 'trailerBlocks', 1),
    endsAtMemberBoundary: fields.flag('endsAtMemberBoundary'),
    lastFragment: fields.flag('lastFragment'),
    members: readTrailerMembers(fields),
  }
}

/** Follows the offsets through the trailer: all must lead to this block. */
function checkLayout(footer: TapeFragmentFooter, fields: JsonFields): void {
  const { compression, stream, payloadBytes, storedBytes, payloadBlocks, trailerBlocks, members } = footer
  if (payloadBytes % 512 !== 0) throw fields.fault('payloadBytes', 'no multiple of 512')
  if (compression === undefined && storedBytes !== payloadBytes)
    throw fields.fault('storedBytes', 'impossible')
  if (payloadBlocks !== payloadBlocksOf(storedBytes, footer))
    throw fields.fault('payloadBlocks', 'impossible')
  const names = tapeTrailerNames(footer)
  if (members.length !== names.length) throw fields.fault('members', 'of another length')
  const bytesOfEach = {
    'IMAGE.json': 0,
    FILES: 0,
    FRAMES: 0,
    PLACES: PLACE_BYTES,
    BLOCKS: BLOCK_CHECKSUM_BYTES,
  }
  let end = 0
  for (const [index, name] of names.entries()) {
    const member = members[index]
    if (member?.name !== NB_DIRECTORY + name) throw fields.fault('members', `without ${name} in its place`)
    if (member.offset !== end + ownMemberHeaderBytes(member.sizeBytes))
      throw fields.fault('members', `with ${name} at an impossible offset`)
    const bytes = bytesOfEach[name] * payloadBlocks
    if (bytesOfEach[name] > 0 && member.sizeBytes !== bytes)
      throw fields.fault('members', `with ${name} of an impossible size`)
    if (name === 'FRAMES' && member.sizeBytes % FRAME_ENTRY_BYTES !== 0)
      throw fields.fault('members', 'with a part of a frame')
    end = member.offset + member.sizeBytes + paddingOf(member.sizeBytes)
  }
  if (!Number.isSafeInteger(end) || trailerBlocks !== filledBlocks(end))
    throw fields.fault('trailerBlocks', 'impossible')
  const least = (stream === undefined ? 1 : 2) + payloadBlocks + trailerBlocks
  if (stream === undefined ? footer.block !== least : footer.block < least)
    throw fields.fault('block', 'no place of a footer')
}
