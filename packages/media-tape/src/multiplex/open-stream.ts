import type { CallOptions, DescribedFragment, FragmentReader } from '@nb/contracts'
import { FrameIndex } from '@nb/formats'
import { CompressedFragmentReader } from '../fragment/compressed-reader.ts'
import { describeFound } from '../fragment/describe-found.ts'
import { type ReadVolume, type WantedFragment, findFragment } from '../fragment/find-fragment.ts'
import { checkWanted } from '../fragment/fragment-ends.ts'
import { PlainFragmentReader } from '../fragment/plain-reader.ts'
import { StoredPayload } from '../fragment/stored-payload.ts'
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
  return findFragment(volume, wanted, options, async ({ identity, ends, trailer }) => {
    checkWanted(ends, wanted)
    const { compression } = ends.footer
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const layout = layoutOfStream(ends, await trailer.member('PLACES', options))
    const payload = new StoredPayload(volume.reader, identity, layout)
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    const index = new FrameIndex(frames, ends.footer)
    return new CompressedFragmentReader({ payload, compression, identity, frames: index })
  })
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
