import {
  isVolumeId,
  decodeJsonBlock,
  encodeJsonBlock,
  checkNumber,
  placeOf,
  readNumber,
  readPlace,
  readTime,
} from './json-block.ts'
import { readVolumeId } from './header.ts'
import type { TapeEnd } from './tape.ts'

const NAME = 'END.json'
const CHECKSUM = /^[0-9a-f]{16}$/

/**
 * The one block of the tape's last file. It is verified before an append overwrites it.
 *
 * @param end - what to say
 * @throws TypeError - a field is out of its documented range
 */
export function encodeTapeEnd(end: TapeEnd): Buffer {
  const { fragments, lastFooter, full, nextVolume, created } = end
  checkNumber('fragments', fragments)
  if ((lastFooter === undefined) !== (fragments === 0))
    throw new TypeError('lastFooter is that of the last fragment')
  if (lastFooter !== undefined && !CHECKSUM.test(lastFooter))
    throw new TypeError('lastFooter must be a checksum')
  if (nextVolume !== undefined && !isVolumeId(nextVolume))
    throw new TypeError('nextVolume must be a volume id')
  return encodeJsonBlock(NAME, created, {
    ...placeOf(end),
    fragments,
    ...(lastFooter === undefined ? {} : { lastFooter }),
    full,
    ...(nextVolume === undefined ? {} : { nextVolume }),
    created,
  })
}

/**
 * Reads what {@link encodeTapeEnd} made.
 *
 * @param block - the block
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN` - no end; `FORMAT_VERSION_UNSUPPORTED`,
 *   `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`
 */
export function decodeTapeEnd(block: Uint8Array): TapeEnd {
  const fields = decodeJsonBlock(block, NAME)
  const fragments = readNumber(fields, 'fragments')
  if (fields.has('lastFooter') !== fragments > 0) throw fields.fault('lastFooter', 'not that of a fragment')
  if (fragments > 0 && !CHECKSUM.test(fields.text('lastFooter')))
    throw fields.fault('lastFooter', 'no checksum')
  return {
    ...readPlace(fields),
    fragments,
    ...(fragments > 0 ? { lastFooter: fields.text('lastFooter') } : {}),
    full: fields.flag('full'),
    ...(fields.has('nextVolume') ? { nextVolume: readVolumeId(fields, 'nextVolume') } : {}),
    created: readTime(fields),
  }
}
