import { FormatError } from '../format-error.ts'
import { checkTapeFooter, decodeTapeFragmentFooter } from './footer.ts'
import { decodeTapeFragmentHeader } from './header.ts'
import { beginsWithTapeMember, checkTapePlace, tapeBlockChecksum } from './json-block.ts'
import { decodeMultiplexFooter, decodeMultiplexHeader } from './multiplex.ts'
import type { MultiplexFooter, TapeEnd, TapeFragmentFooter, TapeFragmentHeader, TapePlace } from './tape.ts'

/** A tape file that was written to its end. */
export type WholeTapeFile =
  | { readonly kind: 'fragment'; readonly header: TapeFragmentHeader; readonly footer: TapeFragmentFooter }
  | { readonly kind: 'multiplexed'; readonly footer: MultiplexFooter }

/**
 * Proves from its first and last block that a tape file is whole, and the one that must stand there. After a crash whatever
 * follows the last file for which this holds is overwritten.
 *
 * @param first - the block at the file's beginning
 * @param last - the block before the filemark, or before the end of data
 * @param place - where the two were read
 * @throws FormatError `TAPE_MISPLACED` - whole, and another's; `FORMAT_UNKNOWN` and all others - not whole
 */
export function proveTapeFile(first: Uint8Array, last: Uint8Array, place: TapePlace): WholeTapeFile {
  if (beginsWithTapeMember(first, 'MULTIPLEX.json')) {
    const header = decodeMultiplexHeader(first)
    checkTapePlace(header, place)
    const footer = decodeMultiplexFooter(last)
    checkTapePlace(footer, place)
    if (footer.created !== header.created)
      throw new FormatError('TAPE_MISPLACED', 0, 'A list of streams closes another multiplexed file')
    return { kind: 'multiplexed', footer }
  }
  const header = decodeTapeFragmentHeader(first)
  checkTapePlace(header, place)
  const footer = decodeTapeFragmentFooter(last)
  checkTapeFooter(footer, header, first)
  return { kind: 'fragment', header, footer }
}

/**
 * Proves that an end of tape is the one that an append may overwrite.
 *
 * @param end - the end, as it was read
 * @param lastBlock - the last block of the file before it; absent where that is the `README.txt`
 * @param place - where the end was read
 * @throws FormatError `TAPE_MISPLACED` - it is the end of something else
 */
export function proveTapeEnd(end: TapeEnd, lastBlock: Uint8Array | undefined, place: TapePlace): void {
  checkTapePlace(end, place)
  if (end.lastFooter !== (lastBlock === undefined ? undefined : tapeBlockChecksum(lastBlock)))
    throw new FormatError('TAPE_MISPLACED', 0, 'The end of a tape does not follow the block before it')
}
