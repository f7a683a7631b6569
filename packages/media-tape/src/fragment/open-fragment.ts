import type { CallOptions, FragmentReader } from '@nb/contracts'
import { FrameIndex } from '@nb/formats'
import { CompressedFragmentReader } from './compressed-reader.ts'
import { type FoundFragment, type ReadVolume, type WantedFragment, findFragment } from './find-fragment.ts'
import { checkWanted } from './fragment-ends.ts'
import { PlainFragmentReader } from './plain-reader.ts'
import { type PayloadLayout, StoredPayload } from './stored-payload.ts'

/**
 * Opens a fragment whose payload stands as `layoutOf` says. Header, footer, frames and layout are read; of the payload only the blocks that hold
 * what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  layoutOf: (found: FoundFragment) => Promise<PayloadLayout>,
  options?: CallOptions,
): Promise<FragmentReader> {
  return findFragment(volume, wanted, options, async (found) => {
    const { identity, ends, trailer } = found
    checkWanted(ends, wanted)
    const { compression } = ends.footer
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const payload = new StoredPayload(volume.reader, identity, await layoutOf(found))
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    const index = new FrameIndex(frames, ends.footer)
    return new CompressedFragmentReader({ payload, compression, identity, frames: index })
  })
}
