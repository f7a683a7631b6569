import type { CallOptions, DescribedFragment, FragmentReader } from '@nb/contracts'
import { describeFound } from '../fragment/describe-found.ts'
import { type ReadVolume, type WantedFragment, findFragment } from '../fragment/find-fragment.ts'
import { openFragment } from '../fragment/open-fragment.ts'
import { layoutOfStream } from './stream-places.ts'

/**
 * Opens one stream of a multiplexed file. Its header, footer, frames and places are read, and of the payload only the blocks that hold
 * what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openStreamFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<FragmentReader> {
  return openFragment(
    volume,
    wanted,
    async ({ ends, trailer }) => layoutOfStream(ends, await trailer.member('PLACES', options)),
    options,
  )
}

/** What a stream tells of itself and its image; all but its payload is checked. Rejects as {@link openStreamFragment} does. */
export async function describeStreamFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<DescribedFragment> {
  return findFragment(volume, wanted, options, async (found) => {
    const described = await describeFound(found, options)
    layoutOfStream(found.ends, await found.trailer.member('PLACES', options))
    return described
  })
}
