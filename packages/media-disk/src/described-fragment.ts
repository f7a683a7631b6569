import {
  type CallOptions,
  type DescribedFragment,
  type Json,
  type OpenFile,
  throwIfAborted,
} from '@nb/contracts'
import { FormatError, type TrailerMember } from '@nb/formats'
import { mediaFailure } from './failure.ts'
import { type FragmentIdentity, checkFragment, corruptFragment, readExactly } from './fragment-check.ts'

const PIECE_BYTES = 256 * 1024

/** Reads what a fragment tells of itself. Takes over the file. Rejects with `fragment-corrupt`, `media-read-failed`. */
export async function describeFragmentFile(
  file: OpenFile,
  identity: FragmentIdentity,
): Promise<DescribedFragment> {
  try {
    const { footer, startsAtMember } = await checkFragment(file, identity)
    const [image, list] = footer.members as readonly [TrailerMember, TrailerMember, TrailerMember]
    const { streamOffset, payloadBytes: streamBytes, blockBytes, endsAtMemberBoundary } = footer
    return {
      fragment: {
        number: footer.fragment,
        streamOffset,
        streamBytes,
        wholeMembers: startsAtMember && endsAtMemberBoundary,
        blockBytes,
      },
      last: footer.lastFragment,
      image: JSON.parse((await readExactly(file, image.offset, image.sizeBytes)).toString('utf8')) as Json,
      readFileList: (options) => pieces(file, identity, list, options),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    if (error instanceof FormatError) throw corruptFragment(identity, error)
    throw mediaFailure(error, 'media-read-failed', 'reading', identity)
  }
}

async function* pieces(
  file: OpenFile,
  identity: FragmentIdentity,
  { offset, sizeBytes }: TrailerMember,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let done = 0; done < sizeBytes;) {
    throwIfAborted(options)
    const count = Math.min(PIECE_BYTES, sizeBytes - done)
    try {
      yield await readExactly(file, offset + done, count)
    } catch (error) {
      throw mediaFailure(error, 'media-read-failed', 'reading', identity)
    }
    done += count
  }
}
