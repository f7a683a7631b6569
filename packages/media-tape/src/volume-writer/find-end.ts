import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import {
  FIRST_FRAGMENT_FILE,
  FormatError,
  TAPE_BLOCK_BYTES,
  type TapeEnd,
  type TapeIdentity,
  beginsWithTapeMember,
  decodeTapeEnd,
  proveTapeEnd,
  tapeBlockChecksum,
} from '@nb/formats'
import { BlockReader } from '../fragment/block-reader.ts'
import { closeCutFile } from '../multiplex/close-cut-file.ts'
import { proveVolume } from '../volume/read-label.ts'
import { goToFile, isDamage, proveFile } from './tape-file.ts'

/** Where the next file of a volume begins, and what stands before it. */
export interface AppendPlace {
  readonly file: number
  /** Logical object at which it begins. */
  readonly object: number
  /** Fragments before it; after a crash files that were not looked into count one each. */
  readonly fragments: number
  /** Checksum of the last block of the file before; absent where that is the `README.txt`. */
  readonly lastBlock?: string
  /** Whether nothing more may be appended. */
  readonly isFull: boolean
  /** Whether an end of tape stands here. */
  readonly hasEnd: boolean
}

/** What is known of a volume beforehand. */
export interface KnownVolume extends TapeIdentity {
  /** Files before this number are known to be whole. @default what follows label and README */
  readonly files?: number
}

/**
 * Finds where a volume ends, by reading. Most times that is the end of tape which whoever wrote last has left, at the file that the
 * media manager knows; after a crash each file from there on is proven, and the first that is not whole is the place, if it's the tape's last.
 * One that has a filemark behind it is damaged, as nobody leaves such a file by a crash: nothing is appended then, since what comes after it
 * would be overwritten.
 *
 * Rejects with `media-open-failed` where the end can't be proven, and as the drive does.
 */
export async function findAppendPlace(
  drive: TapeDrive,
  known: KnownVolume,
  options?: CallOptions,
): Promise<AppendPlace> {
  const { volume, generation } = known
  const reader = new BlockReader(drive)
  await proveVolume(drive, known, options)
  let file = Math.max(known.files ?? FIRST_FRAGMENT_FILE, FIRST_FRAGMENT_FILE)
  const start = await goToFile(drive, file, options)
  if (start === undefined)
    throw unproven(volume, file, `it has fewer than the ${file} files that are known to be whole`)
  let object = start
  let fragments = file - FIRST_FRAGMENT_FILE
  let lastBlock =
    file === FIRST_FRAGMENT_FILE
      ? undefined
      : tapeBlockChecksum(await lastOf(reader, volume, file, object, options))
  for (;;) {
    const place = { volume, generation, file }
    const here = (): AppendPlace => ({
      ...{ file, object, fragments, isFull: false, hasEnd: false },
      ...(lastBlock === undefined ? {} : { lastBlock }),
    })
    const first = Buffer.alloc(TAPE_BLOCK_BYTES)
    await drive.locate({ object }, options)
    const read = await drive.readBlock({ target: first }, options).catch((error: unknown) => {
      // It may begin a multiplexed file, in which streams are that have been reported.
      if (isDamage(error))
        throw unproven(volume, file, `its first block can't be read: ${error.message}`, error)
      throw error
    })
    // Two filemarks one after the other, or nothing: the tape ends here.
    if (read.kind !== 'block') return here()
    const end = endIn(first)
    if (end instanceof Error) throw unproven(volume, file, `its end is damaged: ${end.message}`, end)
    if (end !== undefined) {
      const before = lastBlock === undefined ? undefined : await lastOf(reader, volume, file, object, options)
      try {
        proveTapeEnd(end, before, place)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
        throw unproven(volume, file, error.message, error)
      }
      return { ...here(), fragments: end.fragments, isFull: end.full, hasEnd: true }
    }
    const proven = await proveFile(drive, reader, { place, object, first }, options)
    if ('damage' in proven) {
      const { damage, isMarked } = proven
      if (isMarked) throw unproven(volume, file, `file ${file} is damaged: ${damage.message}`, damage)
      if (!beginsWithTapeMember(first, 'MULTIPLEX.json')) return here()
      // Streams in it that have left may have been reported.
      const closed = await closeCutFile(drive, { start: { ...place, object } }, options)
      if (closed.end !== 'whole' || closed.lastBlock === undefined) return here()
      file += 1
      object = closed.object
      fragments += closed.streams.length
      lastBlock = closed.lastBlock
      continue
    }
    file += 1
    fragments += proven.whole.kind === 'fragment' ? 1 : proven.whole.footer.streams.length
    lastBlock = tapeBlockChecksum(proven.last)
    object = proven.isMarked ? proven.beyond : await markEnd(drive, proven.beyond, options)
  }
}

/** A file that is whole gets the filemark that the crash kept from it. */
async function markEnd(drive: TapeDrive, object: number, options?: CallOptions): Promise<number> {
  await drive.locate({ object }, options)
  const { written, position } = await drive.writeFilemarks({ count: 1 })
  if (written && position.object === object + 1) return position.object
  throw new NbError('media-end', `Drive ${drive.name} has no room for a filemark at object ${object}.`, {
    details: { drive: drive.name, object },
  })
}

async function lastOf(
  reader: BlockReader,
  volume: string,
  file: number,
  object: number,
  options?: CallOptions,
): Promise<Buffer> {
  try {
    return await reader.read(object - 2, Buffer.allocUnsafe(TAPE_BLOCK_BYTES), options)
  } catch (error) {
    if (!isDamage(error)) throw error
    throw unproven(volume, file, `the file before is damaged: ${error.message}`, error)
  }
}

/** The end of tape that a block is; an error where it is one that is damaged; `undefined` where it is something else. */
function endIn(block: Buffer): TapeEnd | FormatError | undefined {
  if (!beginsWithTapeMember(block, 'END.json')) return undefined
  try {
    return decodeTapeEnd(block)
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

function unproven(volume: string, file: number, why: string, cause?: Error): NbError {
  return new NbError(
    'media-open-failed',
    `Nothing is appended to volume ${volume}: where it ends, at file ${file}, can't be proven: ${why}. Verify what is on it.`,
    { cause, retryable: false, details: { volumeId: volume, file, unproven: true } },
  )
}
