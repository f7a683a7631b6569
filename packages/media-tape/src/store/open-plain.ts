import type { CallOptions, DescribedFragment, FragmentReader } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, checkBlock } from '@nb/formats'
import { describeFound } from '../fragment/describe-found.ts'
import { type ReadVolume, type WantedFragment, findFragment } from '../fragment/find-fragment.ts'
import type { FragmentEnds } from '../fragment/fragment-ends.ts'
import { openFragment } from '../fragment/open-fragment.ts'
import type { PayloadLayout } from '../fragment/stored-payload.ts'

/**
 * Opens a fragment that has a tape file of its own. Header, footer, block checksums and frames are read; of the payload only the blocks that hold
 * what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openPlainFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<FragmentReader> {
  return openFragment(
    volume,
    wanted,
    async ({ ends, trailer }) => layoutOf(ends, await trailer.member('BLOCKS', options)),
    options,
  )
}

/** What a fragment with a tape file of its own tells of itself; all but its payload is checked. Rejects as {@link openPlainFragment} does. */
export async function describePlainFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<DescribedFragment> {
  return findFragment(volume, wanted, options, (found) => describeFound(found, options))
}

/** Block *n* of the payload stands n + 1 blocks behind the header. */
function layoutOf({ footer, fileObject }: FragmentEnds, sums: Buffer): PayloadLayout {
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
