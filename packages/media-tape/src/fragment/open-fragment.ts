import type { CallOptions, FragmentReader } from '@nb/contracts'
import { FrameIndex } from '@nb/formats'
import { layoutOfStream } from '../multiplex/stream-places.ts'
import { CompressedFragmentReader } from './compressed-reader.ts'
import { type FoundFragment, type ReadVolume, type WantedFragment, findFragment } from './find-fragment.ts'
import { checkWanted } from './fragment-ends.ts'
import { layoutOfPlain } from './plain-places.ts'
import { PlainFragmentReader } from './plain-reader.ts'
import { type PayloadLayout, StoredPayload } from './stored-payload.ts'

/**
 * Opens a fragment that has a tape file of its own, or is a stream in one. Header, footer, frames, and block checksums or places are read; of the
 * payload only the blocks that hold what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<FragmentReader> {
  return findFragment(volume, wanted, options, async (found) => {
    const { identity, ends, trailer } = found
    checkWanted(ends, wanted)
    const { compression } = ends.footer
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const payload = new StoredPayload(volume, identity, await layoutOf(found, options))
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    const index = new FrameIndex(frames, ends.footer)
    return new CompressedFragmentReader({ payload, compression, identity, frames: index })
  })
}

/** Where its payload stands. Throws `FormatError`. */
export async function layoutOf(
  { ends, trailer }: Pick<FoundFragment, 'ends' | 'trailer'>,
  options?: CallOptions,
): Promise<PayloadLayout> {
  return ends.footer.stream === undefined
    ? layoutOfPlain(ends, await trailer.member('BLOCKS', options))
    : layoutOfStream(ends, await trailer.member('PLACES', options))
}
