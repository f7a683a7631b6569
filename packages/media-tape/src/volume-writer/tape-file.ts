import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import { FormatError, TAPE_BLOCK_BYTES, type TapePlace, type WholeTapeFile, proveTapeFile } from '@nb/formats'
import type { BlockReader } from '../fragment/block-reader.ts'
import { isUnreadableBlock } from '../ssc/unreadable-block.ts'

/** What ends a tape file. */
export interface TapeFileEnds {
  /** Logical object of its last block. */
  readonly lastObject: number
  /** Whether a filemark follows; else the end of data. */
  readonly isMarked: boolean
  /** Logical object behind the filemark, or at the end of data. */
  readonly beyond: number
}

/** A tape file that is proven to be whole. */
export interface ProvenFile extends TapeFileEnds {
  readonly whole: WholeTapeFile
  /** Its last block. */
  readonly last: Buffer
}

/** Goes to where a tape file begins; tells the object. `undefined` where the tape has fewer files. */
export async function goToFile(
  drive: TapeDrive,
  file: number,
  options?: CallOptions,
): Promise<number | undefined> {
  await drive.rewind(options)
  const { passed, position } = await drive.space({ over: 'filemarks', count: file }, options)
  return passed === file ? position.object : undefined
}

/** From within a tape file to its end. */
export async function endsOfFile(
  drive: TapeDrive,
  object: number,
  options?: CallOptions,
): Promise<TapeFileEnds> {
  const { stoppedBy, position } = await drive.space({ over: 'filemarks', count: 1 }, options)
  const isMarked = stoppedBy === undefined
  const lastObject = position.object - (isMarked ? 2 : 1)
  if (lastObject < object)
    throw new NbError(
      'media-position-failed',
      `Drive ${drive.name} stands at object ${position.object} behind a file that begins at ${object}.`,
      { details: { drive: drive.name, object: position.object } },
    )
  return { lastObject, isMarked, beyond: position.object }
}

/**
 * Proves a tape file by its first and last block.
 *
 * @param first - its first block, which stands at `object`; the drive is somewhere in the file
 * @returns `damage` where it is not whole
 */
export async function proveFile(
  drive: TapeDrive,
  reader: BlockReader,
  at: { readonly place: TapePlace; readonly object: number; readonly first: Buffer },
  options?: CallOptions,
): Promise<ProvenFile | (TapeFileEnds & { readonly damage: Error })> {
  const { place, object, first } = at
  const ends = await endsOfFile(drive, object, options)
  try {
    const last =
      ends.lastObject === object
        ? first
        : await reader.read(ends.lastObject, Buffer.allocUnsafe(TAPE_BLOCK_BYTES), options)
    const whole = proveTapeFile(first, last, place)
    const blocks = whole.kind === 'fragment' ? whole.footer.block + 1 : whole.footer.blocks
    if (blocks !== ends.lastObject - object + 1)
      throw new FormatError('TAPE_MISPLACED', 0, `The last of ${blocks} blocks stands somewhere else`)
    return { ...ends, whole, last }
  } catch (error) {
    if (isDamage(error)) return { ...ends, damage: error }
    throw error
  }
}

/** Whether an error tells of what is recorded, not of the drive. */
export function isDamage(error: unknown): error is Error {
  return error instanceof FormatError || isUnreadableBlock(error)
}
