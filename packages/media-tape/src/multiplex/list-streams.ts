import { type CallOptions, NbError } from '@nb/contracts'
import { FormatError, type MultiplexFooter, TAPE_BLOCK_BYTES, type TapeStream } from '@nb/formats'
import { type FragmentEnds, proveFragmentEnds } from '../fragment/fragment-ends.ts'
import { corruptFragment } from '../fragment/fragment-identity.ts'
import type { ReadVolume } from '../fragment/find-fragment.ts'
import { isUnreadableBlock } from '../ssc/unreadable-block.ts'

/** A stream that `.nb/STREAMS.json` lists: its header and footer, or why they can't be had. */
export type ListedStream =
  | { readonly listed: TapeStream; readonly ends: FragmentEnds }
  | { readonly listed: TapeStream; readonly damage: NbError }

/**
 * Headers and footers of all streams of a multiplexed file, in one way forward over it: what phase 1 of an import needs. A stream comes
 * when its footer was read; one that is damaged does not keep the others from coming. Rejects as the drive does, but for blocks that can't be read.
 *
 * @param file - where the file begins
 * @param list - its last block, proven to be of this file
 */
export async function* listStreams(
  { storageUnit, identity, reader }: ReadVolume,
  file: { readonly file: number; readonly object: number },
  list: Pick<MultiplexFooter, 'streams'>,
  options?: CallOptions,
): AsyncGenerator<ListedStream, void, undefined> {
  const place = { ...identity, file: file.file }
  /** Blocks with the headers of streams whose footers are still to come. */
  const headers = new Map<number, Buffer | NbError>()
  for (const { block, listed } of inOrder(list.streams)) {
    const { backupId, copy, fragment: number, stream } = listed
    const corrupt = (error: FormatError): NbError =>
      corruptFragment(
        { storageUnit, volumeId: identity.volume, backupId, copy, number, file: file.file },
        error,
      )
    const read = async (): Promise<Buffer | NbError> => {
      const target = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
      return reader.read(file.object + block, target, options).catch((error: unknown) => {
        if (error instanceof FormatError) return corrupt(error)
        if (isUnreadableBlock(error)) return error
        throw error
      })
    }
    const header = headers.get(stream)
    const found = await read()
    if (header === undefined) {
      headers.set(stream, found)
      continue
    }
    headers.delete(stream)
    if (header instanceof NbError) yield { listed, damage: header }
    else if (found instanceof NbError) yield { listed, damage: found }
    else
      try {
        const objects = { header: file.object + listed.headerBlock, footer: file.object + block }
        yield { listed, ends: proveFragmentEnds(place, objects, header, found) }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
        yield { listed, damage: corrupt(error) }
      }
  }
}

function inOrder(streams: readonly TapeStream[]): { readonly block: number; readonly listed: TapeStream }[] {
  return streams
    .flatMap((listed) => [
      { block: listed.headerBlock, listed },
      { block: listed.footerBlock, listed },
    ])
    .sort((one, other) => one.block - other.block)
}
