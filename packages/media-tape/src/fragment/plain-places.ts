import { TAPE_BLOCK_BYTES, checkBlock } from '@nb/formats'
import type { FragmentEnds } from './fragment-ends.ts'
import type { PayloadLayout } from './stored-payload.ts'

/**
 * Where the payload of a fragment stands that has a tape file of its own: block *n* of it n + 1 blocks behind the header.
 *
 * @param sums - data of `.nb/BLOCKS`, checked
 */
export function layoutOfPlain({ footer, fileObject }: FragmentEnds, sums: Buffer): PayloadLayout {
  return {
    storedBytes: footer.storedBytes,
    blockBytes: TAPE_BLOCK_BYTES,
    objectOf: (block) => fileObject + 1 + block,
    dataOf: (block, bytes) => {
      checkBlock(bytes, sums, block)
      return bytes
    },
  }
}
