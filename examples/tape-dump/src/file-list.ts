import { type CallOptions, type TapeDrive, NbError } from '@nb/contracts'
import { FileListDecoder, type FileListHeader, type FileRecord, TAPE_BLOCK_BYTES } from '@nb/formats'
import type { WholeFragment } from './dump-tape.ts'
import { TapeReader } from './tape-reader.ts'

/**
 * Reads the file list of a fragment, `.nb/FILES` of its trailer, block by block: a batch at most is in memory. Afterwards the tape
 * stands elsewhere. Rejects with `media-read-failed`, and with the decoder's `FormatError` where it is damaged.
 */
export async function readFileList(
  drive: TapeDrive,
  { footer, footerObject }: WholeFragment,
  onRecord: (record: FileRecord, list: FileListHeader) => void,
  options?: CallOptions,
): Promise<void> {
  const member = footer.members.find(({ name }) => name === '.nb/FILES')
  // The decoder of the footer has seen that it is there.
  if (member === undefined) throw new TypeError('a footer without .nb/FILES')
  const decoder = new FileListDecoder()
  let list: FileListHeader = { images: [] }
  const sink = {
    onHeader: (header: FileListHeader): void => void (list = header),
    onRecord: (record: FileRecord): void => onRecord(record, list),
  }
  const reader = new TapeReader(drive, options)
  const trailer = footerObject - footer.trailerBlocks
  const end = member.offset + member.sizeBytes
  for (let at = member.offset; at < end;) {
    const object = trailer + Math.floor(at / TAPE_BLOCK_BYTES)
    const block = await reader.readAt(object)
    if (block === undefined)
      throw new NbError('media-read-failed', `the file list stands in a block that can't be read`, {
        details: { object },
      })
    const from = at % TAPE_BLOCK_BYTES
    const count = Math.min(TAPE_BLOCK_BYTES - from, end - at)
    decoder.push(block.subarray(from, from + count), sink)
    at += count
  }
  decoder.finish()
}
