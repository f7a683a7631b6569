import { type CallOptions, type FragmentRecord, NbError } from '@nb/contracts'
import {
  FormatError,
  TAPE_BLOCK_BYTES,
  type TapeIdentity,
  checkTapePlace,
  decodeTapeFragmentHeader,
} from '@nb/formats'
import type { BlockReader } from './block-reader.ts'
import { type FragmentEnds, proveFragmentEnds } from './fragment-ends.ts'
import { type FragmentIdentity, corruptFragment, notRead } from './fragment-identity.ts'
import type { ReadingTurns } from './reading-turns.ts'
import { TrailerReader } from './trailer-reader.ts'

/** The volume from which fragments are read. */
export interface ReadVolume {
  readonly storageUnit: string
  readonly identity: TapeIdentity
  readonly reader: BlockReader
  /** Order among those who read payloads at the same time. */
  readonly turns: ReadingTurns
}

/** Which fragment of the volume. */
export interface WantedFragment {
  readonly backupId: string
  readonly copy: number
  /** As the catalog has it, or as an import found it. */
  readonly fragment: FragmentRecord
}

/** A fragment that was found: header and footer, read and proven. */
export interface FoundFragment {
  readonly identity: FragmentIdentity
  readonly ends: FragmentEnds
  readonly trailer: TrailerReader
}

/**
 * Finds a fragment where its record says. What `use` finds damaged is `fragment-corrupt` as well. Rejects with `fragment-missing` where
 * another one, or nothing, stands there, with `fragment-corrupt`, and as the drive does.
 */
export async function findFragment<Result>(
  { storageUnit, identity: tape, reader }: ReadVolume,
  { backupId, copy, fragment }: WantedFragment,
  options: CallOptions | undefined,
  use: (found: FoundFragment) => Promise<Result>,
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
    if (error instanceof FormatError) throw corruptFragment(identity, error)
    const isOfDrive = error instanceof NbError && error.code === 'media-read-failed'
    throw isOfDrive ? notRead(identity, error) : error
  }
}

/** Whether something else, or nothing, stands where the header should; a header that is damaged is another matter. */
function isElsewhere(error: unknown): error is Error {
  // Beyond the end of data; where the place was lost nothing is known of what stands there.
  if (error instanceof NbError)
    return error.code === 'media-position-failed' && error.details['asked'] !== undefined
  return (
    error instanceof FormatError &&
    ['FORMAT_UNKNOWN', 'FRAGMENT_TRUNCATED', 'TAPE_MISPLACED'].includes(error.code)
  )
}
