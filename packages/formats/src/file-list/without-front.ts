import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { WholeBatch } from './decoder.ts'
import { encodeBatch } from './frame.ts'
import { isWithin } from './path-order.ts'

const SLASH = 0x2f
const ROOT = Buffer.from('/')

/**
 * A batch whose paths have lost their front: what was `front` itself is the root. Nothing else is decoded, since all but the first path
 * are coded as what they share with the one before.
 *
 * @param batch - the batch
 * @param front - absolute path
 * @returns the batch, sealed anew; undefined where a path is neither `front` nor below it
 * @throws FormatError `FILE_LIST_INVALID` - the paths are coded in an impossible way
 */
export function batchWithoutFront({ bytes, open }: WholeBatch, front: Buffer): Buffer | undefined {
  if (front.length === 1) return bytes
  const { firstPath, pathsStart, attributesStart, end, entryCount, offset } = open
  if (!isWithin(firstPath, front)) return undefined
  const cut = front.length
  const reader = new ByteReader(bytes, pathsStart, attributesStart, offset)
  const paths = new ByteWriter(attributesStart - pathsStart + 1)
  for (let index = 1; index < entryCount; index++) {
    const shared = reader.unsigned()
    const suffixBytes = reader.unsigned()
    const start = reader.position
    reader.skip(suffixBytes)
    // The path before has the front: one that does not share all of it is elsewhere.
    if (shared < cut || (shared === cut && bytes[start] !== SLASH)) return undefined
    // Below the root itself the slash is shared too.
    const kept = shared === cut ? 1 : 0
    if (suffixBytes <= kept) throw reader.fault('A path is coded in an impossible way')
    paths.unsigned(shared - cut + kept)
    paths.unsigned(suffixBytes - kept)
    paths.bytes(bytes.subarray(start + kept, start + suffixBytes))
  }
  if (reader.position !== attributesStart) throw reader.fault('A batch holds more than its entries')
  const first = firstPath.length === cut ? ROOT : firstPath.subarray(cut)
  return encodeBatch(first, entryCount, paths.written, bytes.subarray(attributesStart, end))
}
