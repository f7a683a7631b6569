import { type TapeStream, encodeMultiplexFooter, tapeBlockChecksum } from '@nb/formats'
import type { FileBlocks } from './file-blocks.ts'

/** A multiplexed file that has been closed. */
export interface ClosedFile {
  /** Where the drive stands: behind the filemark. */
  readonly object: number
  readonly streams: readonly TapeStream[]
  /** Checksum of the file's last block. */
  readonly lastBlock: string
}

/** Writes the list of streams and the filemark where the drive stands; durable when it resolves. */
export async function closeFile(
  file: FileBlocks,
  created: string,
  streams: readonly TapeStream[],
): Promise<ClosedFile> {
  const { volume, generation, file: number } = file.start
  const inOrder = [...streams].sort((one, other) => one.headerBlock - other.headerBlock)
  const blocks = file.count + 1
  const list = encodeMultiplexFooter({
    ...{ volume, generation, file: number, created },
    ...{ blocks, streams: inOrder },
  })
  await file.append(list)
  const { object } = await file.end()
  return { object, streams: inOrder, lastBlock: tapeBlockChecksum(list) }
}
