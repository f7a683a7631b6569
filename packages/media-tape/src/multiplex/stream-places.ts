import { FormatError, PLACE_BYTES, STREAM_BLOCK_BYTES, decodeStreamBlock } from '@nb/formats'
import type { FragmentEnds } from '../fragment/fragment-ends.ts'
import type { PayloadLayout } from '../fragment/stored-payload.ts'

/**
 * Where the payload of a stream stands, out of `.nb/PLACES`.
 *
 * @param places - the member's data, checked
 * @throws FormatError `FRAGMENT_INVALID` - places that can't be
 */
export function layoutOfStream(ends: FragmentEnds, places: Buffer): PayloadLayout {
  const { header, footer, headerChecksum, fileObject } = ends
  const { stream } = footer
  if (stream === undefined) throw new TypeError('a fragment of a plain file has no places')
  const beyond = footer.block - footer.trailerBlocks
  let before = header.block
  for (let at = 0; at < places.length; at += PLACE_BYTES) {
    const place = places.readUInt32LE(at)
    if (place <= before || place >= beyond)
      throw new FormatError('FRAGMENT_INVALID', at, `A data block at an impossible place: ${place}`)
    before = place
  }
  return {
    storedBytes: footer.storedBytes,
    blockBytes: STREAM_BLOCK_BYTES,
    objectOf: (block) => fileObject + places.readUInt32LE(block * PLACE_BYTES),
    dataOf: (block, bytes) => decodeStreamBlock(bytes, { stream, sequence: block, headerChecksum }).data,
  }
}
