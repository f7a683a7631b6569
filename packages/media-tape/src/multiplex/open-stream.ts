import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type FragmentRecord,
  type Json,
  NbError,
} from '@nb/contracts'
import { FormatError, FrameIndex, type TapeIdentity } from '@nb/formats'
import type { BlockReader } from '../fragment/block-reader.ts'
import { CompressedFragmentReader } from '../fragment/compressed-reader.ts'
import { type FragmentEnds, checkWanted, readFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { type FragmentIdentity, corruptFragment } from '../fragment/fragment-identity.ts'
import { PlainFragmentReader } from '../fragment/plain-reader.ts'
import { StoredPayload } from '../fragment/stored-payload.ts'
import { TrailerReader } from '../fragment/trailer-reader.ts'
import { layoutOfStream } from './stream-places.ts'

/** The volume from which streams are read. */
export interface StreamVolume {
  readonly storageUnit: string
  readonly identity: TapeIdentity
  readonly reader: BlockReader
}

/** Which fragment of the volume. */
export interface WantedStream {
  readonly backupId: string
  readonly copy: number
  /** As the catalog has it; from an import as well. */
  readonly fragment: FragmentRecord
}

/**
 * Opens one stream of a multiplexed file. Its header, footer, frames and places are read, and of the payload only the blocks that hold
 * what is asked for. Rejects with `fragment-corrupt`, `fragment-missing`, and as the drive does.
 */
export async function openStreamFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<FragmentReader> {
  return checked(volume, wanted, async (identity) => {
    const ends = await endsOf(volume, wanted, options)
    checkWanted(ends, wanted)
    const trailer = new TrailerReader(volume.reader, ends)
    const { compression } = ends.footer
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const layout = layoutOfStream(ends, await trailer.member('PLACES', options))
    const payload = new StoredPayload(volume.reader, identity, layout)
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    return new CompressedFragmentReader({
      ...{ payload, compression, identity },
      frames: new FrameIndex(frames, ends.footer),
    })
  })
}

/**
 * What a stream tells of itself and its image; all but its payload is checked. Of the record only where it is counts. Rejects with
 * `fragment-corrupt`, `fragment-missing`, and as the drive does.
 */
export async function describeStreamFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<DescribedFragment> {
  return checked(volume, wanted, async (identity) => {
    const ends = await endsOf(volume, wanted, options)
    checkWanted(ends, { ...wanted, fragment: { ...recordOf(ends), number: wanted.fragment.number } })
    const trailer = new TrailerReader(volume.reader, ends)
    await trailer.check(options)
    layoutOfStream(ends, await trailer.member('PLACES', options))
    const image = await trailer.member('IMAGE.json', options)
    return {
      fragment: recordOf(ends),
      last: ends.footer.lastFragment,
      image: JSON.parse(image.toString('utf8')) as Json,
      readFileList: async function* (readOptions) {
        try {
          yield* trailer.stream('FILES', readOptions)
        } catch (error) {
          throw error instanceof FormatError ? corruptFragment(identity, error) : error
        }
      },
      close: async () => undefined,
    }
  })
}

function endsOf(
  { reader, identity }: StreamVolume,
  { fragment }: WantedStream,
  options?: CallOptions,
): Promise<FragmentEnds> {
  const { filemark: file, headerBlock: header, footerBlock: footer } = fragment
  if (file === undefined || header === undefined || footer === undefined)
    throw new FormatError('FRAGMENT_INVALID', 0, 'Nothing tells where on the volume it is')
  return readFragmentEnds(reader, { ...identity, file }, { header, footer }, options)
}

async function checked<Result>(
  { storageUnit, identity }: StreamVolume,
  { backupId, copy, fragment }: WantedStream,
  open: (identity: FragmentIdentity) => Promise<Result>,
): Promise<Result> {
  const { volume: volumeId } = identity
  const { number, filemark: file = -1, volumeId: wantedVolume = volumeId } = fragment
  if (wantedVolume !== volumeId)
    throw new NbError(
      'fragment-missing',
      `Fragment ${number} of copy ${copy} of image ${backupId} is on volume ${wantedVolume}, and ${volumeId} is mounted.`,
      { details: { storageUnit, volumeId, backupId, copy, fragment: number } },
    )
  const found = { storageUnit, volumeId, backupId, copy, number, file }
  try {
    return await open(found)
  } catch (error) {
    throw error instanceof FormatError ? corruptFragment(found, error) : error
  }
}
