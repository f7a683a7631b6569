import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type FragmentRecord,
  type Json,
  NbError,
} from '@nb/contracts'
import { FormatError, FrameIndex, TAPE_BLOCK_BYTES, checkBlock } from '@nb/formats'
import { CompressedFragmentReader } from '../fragment/compressed-reader.ts'
import { type FragmentEnds, checkWanted, readFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { type FragmentIdentity, corruptFragment } from '../fragment/fragment-identity.ts'
import { PlainFragmentReader } from '../fragment/plain-reader.ts'
import { type PayloadLayout, StoredPayload } from '../fragment/stored-payload.ts'
import { TrailerReader } from '../fragment/trailer-reader.ts'
import {
  type StreamVolume,
  type WantedStream,
  describeStreamFragment,
  openStreamFragment,
} from '../multiplex/open-stream.ts'

/**
 * Opens a fragment where its record says that it is: header, footer and the trailer's checksums are read and proven, of the payload only
 * the blocks that hold what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openTapeFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<FragmentReader> {
  if (wanted.fragment.stream !== undefined) return openStreamFragment(volume, wanted, options)
  return checked(volume, wanted, async (identity) => {
    const ends = await endsOf(volume, wanted, options)
    checkWanted(ends, wanted)
    const { compression } = ends.footer
    const trailer = new TrailerReader(volume.reader, ends)
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const layout = layoutOf(ends, await trailer.member('BLOCKS', options))
    const payload = new StoredPayload(volume.reader, identity, layout)
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    return new CompressedFragmentReader({
      ...{ payload, compression, identity },
      frames: new FrameIndex(frames, ends.footer),
    })
  })
}

/**
 * What a fragment tells of itself and its image; all but its payload is checked. Of the record only where it is counts. Rejects with
 * `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function describeTapeFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<DescribedFragment> {
  if (wanted.fragment.stream !== undefined) return describeStreamFragment(volume, wanted, options)
  return checked(volume, wanted, async (identity) => {
    const ends = await endsOf(volume, wanted, options)
    const trailer = new TrailerReader(volume.reader, ends)
    await trailer.check(options)
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

/** The payload of a plain tape file: the blocks behind the header, each with its checksum. */
function layoutOf({ footer, fileObject }: FragmentEnds, checksums: Buffer): PayloadLayout {
  const { storedBytes } = footer
  return {
    ...{ storedBytes, blockBytes: TAPE_BLOCK_BYTES },
    objectOf: (block) => fileObject + 1 + block,
    dataOf: (block, bytes) => {
      checkBlock(bytes, checksums, block)
      return bytes
    },
  }
}

/** Header and footer at the places that the record names; another's are none of this fragment. */
async function endsOf(
  volume: StreamVolume,
  wanted: WantedStream,
  options: CallOptions | undefined,
): Promise<FragmentEnds> {
  const { filemark: file, headerBlock: header, footerBlock: footer } = wanted.fragment
  if (file === undefined || header === undefined || footer === undefined)
    throw missing(volume, wanted, 'nothing tells where')
  const place = { ...volume.identity, file }
  let ends: FragmentEnds
  try {
    ends = await readFragmentEnds(volume.reader, place, { header, footer }, options)
  } catch (error) {
    // Behind the end of all that is recorded.
    const isBeyond = error instanceof NbError && error.code === 'media-position-failed'
    if (isBeyond && error.details['object'] !== undefined)
      throw missing(volume, wanted, 'the volume ends before it', error)
    throw error
  }
  const { backupId, copy, fragment } = ends.footer
  if (backupId === wanted.backupId && copy === wanted.copy && fragment === wanted.fragment.number) return ends
  throw missing(volume, wanted, `there is fragment ${fragment} of copy ${copy} of image ${backupId}`)
}

async function checked<Result>(
  volume: StreamVolume,
  wanted: WantedStream,
  open: (identity: FragmentIdentity) => Promise<Result>,
): Promise<Result> {
  const { storageUnit, identity } = volume
  const { backupId, copy, fragment } = wanted
  const { volumeId = identity.volume, number, filemark: file = -1 } = fragment
  if (volumeId !== identity.volume) throw missing(volume, wanted, `it is on volume ${volumeId}`)
  const found = { storageUnit, volumeId, backupId, copy, number, file }
  try {
    return await open(found)
  } catch (error) {
    throw error instanceof FormatError ? corruptFragment(found, error) : error
  }
}

function missing(
  { storageUnit, identity }: StreamVolume,
  {
    backupId,
    copy,
    fragment,
  }: { readonly backupId: string; readonly copy: number; readonly fragment: Pick<FragmentRecord, 'number'> },
  why: string,
  cause?: unknown,
): NbError {
  return new NbError(
    'fragment-missing',
    `Fragment ${fragment.number} of copy ${copy} of image ${backupId} is not where it should be on volume ${identity.volume}: ${why}.`,
    { details: { storageUnit, volumeId: identity.volume, backupId, copy, fragment: fragment.number }, cause },
  )
}
