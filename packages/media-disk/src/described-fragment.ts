import {
  type CallOptions,
  type DescribedFragment,
  type Json,
  type OpenFile,
  throwIfAborted,
} from '@nb/contracts'
import { FormatError, type TrailerMember } from '@nb/formats'
import { mediaFailure } from './failure.ts'
import { type FragmentIdentity, checkFragment, corruptFragment } from './fragment-check.ts'
import { type TrailerBytes, trailerBytes } from './trailer-bytes.ts'

const PIECE_BYTES = 256 * 1024

/** Reads what a fragment tells of itself. Takes over the file. Rejects with `fragment-corrupt`, `media-read-failed`. */
export async function describeFragmentFile(
  file: OpenFile,
  identity: FragmentIdentity,
): Promise<DescribedFragment> {
  try {
    const { footer, startsAtMember } = await checkFragment(file, identity)
    const [image, list] = footer.members as readonly [TrailerMember, TrailerMember]
    const read = trailerBytes(file, footer)
    const { streamOffset, payloadBytes: streamBytes, blockBytes, endsAtMemberBoundary } = footer
    const { compression, storedBytes } = footer
    return {
      fragment: {
        number: footer.fragment,
        streamOffset,
        streamBytes,
        wholeMembers: startsAtMember && endsAtMemberBoundary,
        blockBytes,
        ...(compression === undefined ? {} : { storedBytes }),
      },
      last: footer.lastFragment,
      image: JSON.parse((await read(image.offset, image.sizeBytes)).toString('utf8')) as Json,
      readFileList: (options) => pieces(read, identity, list, options),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    if (error instanceof FormatError) throw corruptFragment(identity, error)
    throw mediaFailure(error, 'media-read-failed', 'reading', identity)
  }
}

async function* pieces(
  read: TrailerBytes,
  identity: FragmentIdentity,
  { offset, sizeBytes }: TrailerMember,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let done = 0; done < sizeBytes;) {
    throwIfAborted(options)
    const count = Math.min(PIECE_BYTES, sizeBytes - done)
    try {
      yield await read(offset + done, count)
    } catch (error) {
      if (error instanceof FormatError) throw corruptFragment(identity, error)
      throw mediaFailure(error, 'media-read-failed', 'reading', identity)
    }
    done += count
  }
}
