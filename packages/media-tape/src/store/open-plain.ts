import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type Json,
  NbError,
} from '@nb/contracts'
import {
  FormatError,
  FrameIndex,
  TAPE_BLOCK_BYTES,
  checkBlock,
  checkTapePlace,
  decodeTapeFragmentHeader,
} from '@nb/formats'
import { CompressedFragmentReader } from '../fragment/compressed-reader.ts'
import { type FragmentEnds, checkWanted, proveFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { type FragmentIdentity, corruptFragment } from '../fragment/fragment-identity.ts'
import { PlainFragmentReader } from '../fragment/plain-reader.ts'
import { type PayloadLayout, StoredPayload } from '../fragment/stored-payload.ts'
import { TrailerReader } from '../fragment/trailer-reader.ts'
import type { StreamVolume, WantedStream } from '../multiplex/open-stream.ts'

/** A fragment of a tape file of its own: header and footer, read and proven. */
interface Found {
  readonly identity: FragmentIdentity
  readonly ends: FragmentEnds
  readonly trailer: TrailerReader
}

/**
 * Opens a fragment that has a tape file of its own. Header, footer, block checksums and frames are read; of the payload only the blocks that hold
 * what is asked for. Rejects with `fragment-missing`, `fragment-corrupt`, and as the drive does.
 */
export async function openPlainFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<FragmentReader> {
  return found(volume, wanted, options, async ({ identity, ends, trailer }) => {
    checkWanted(ends, wanted)
    const { compression } = ends.footer
    const frames = compression === undefined ? undefined : await trailer.member('FRAMES', options)
    const layout = layoutOf(ends, await trailer.member('BLOCKS', options))
    const payload = new StoredPayload(volume.reader, identity, layout)
    if (compression === undefined || frames === undefined) return new PlainFragmentReader(payload)
    const index = new FrameIndex(frames, ends.footer)
    return new CompressedFragmentReader({ payload, compression, identity, frames: index })
  })
}

/** What a fragment with a tape file of its own tells of itself; all but its payload is checked. Rejects as {@link openPlainFragment} does. */
export async function describePlainFragment(
  volume: StreamVolume,
  wanted: WantedStream,
  options?: CallOptions,
): Promise<DescribedFragment> {
  return found(volume, wanted, options, async ({ identity, ends, trailer }) => {
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

async function found<Result>(
  { storageUnit, identity: tape, reader }: StreamVolume,
  { backupId, copy, fragment }: WantedStream,
  options: CallOptions | undefined,
  use: (found: Found) => Promise<Result>,
): Promise<Result> {
  const { volume: volumeId } = tape
  const { number, volumeId: wantedVolume, filemark: file, headerBlock, footerBlock } = fragment
  const missing = (why: string, cause?: Error): NbError =>
    new NbError(
      'fragment-missing',
      `Fragment ${number} of copy ${copy} of image ${backupId} is not on volume ${volumeId}: ${why}.`,
      { cause, details: { storageUnit, volumeId, backupId, copy, fragment: number } },
    )
  if (wantedVolume !== undefined && wantedVolume !== volumeId) throw missing(`it is on ${wantedVolume}`)
  if (file === undefined || headerBlock === undefined || footerBlock === undefined)
    throw missing('nothing tells where on it')
  const identity = { storageUnit, volumeId, backupId, copy, number, file }
  const place = { ...tape, file }
  try {
    const first = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
    try {
      await reader.read(headerBlock, first, options)
      const header = decodeTapeFragmentHeader(first)
      checkTapePlace(header, place)
      if (header.backupId !== backupId || header.copy !== copy || header.fragment !== number)
        throw missing(
          `in its place is fragment ${header.fragment} of copy ${header.copy} of image ${header.backupId}`,
        )
    } catch (error) {
      if (isElsewhere(error)) throw missing(error.message, error)
      throw error
    }
    const objects = { header: headerBlock, footer: footerBlock }
    const last = await reader.read(footerBlock, Buffer.allocUnsafe(TAPE_BLOCK_BYTES), options)
    const ends = proveFragmentEnds(place, objects, first, last)
    return await use({ identity, ends, trailer: new TrailerReader(reader, ends) })
  } catch (error) {
    throw error instanceof FormatError ? corruptFragment(identity, error) : error
  }
}

/** Whether something else, or nothing, stands where the header should; a header that is damaged is another matter. */
function isElsewhere(error: unknown): error is Error {
  if (error instanceof NbError) return error.code === 'media-position-failed'
  return (
    error instanceof FormatError &&
    ['FORMAT_UNKNOWN', 'FRAGMENT_TRUNCATED', 'TAPE_MISPLACED'].includes(error.code)
  )
}
