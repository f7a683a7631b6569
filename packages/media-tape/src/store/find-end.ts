import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import {
  FormatError,
  type TapeIdentity,
  type TapePlace,
  type WholeTapeFile,
  checkTapePlace,
  decodeMultiplexFooter,
  decodeMultiplexHeader,
  decodeTapeEnd,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  proveTapeFile,
  tapeBlockChecksum,
} from '@nb/formats'
import { closeCutFile } from '../multiplex/close-cut-file.ts'
import {
  FIRST_FRAGMENT_FILE,
  FIRST_FRAGMENT_OBJECT,
  type TapeFileFound,
  opensWith,
  readPassing,
  readTapeFile,
  standAt,
} from './tape-files.ts'

/** Where a volume's next tape file is to be written. */
export interface VolumeEnd {
  /** Number of that file. */
  readonly file: number
  /** Logical object at which it begins. */
  readonly object: number
  /** Fragments before it; after a crash a file that was not looked at counts as one. */
  readonly fragments: number
  /** Checksum of the last block before the filemark before it; absent where no fragment is on the volume. */
  readonly lastBlock?: string
  /** Whether an end stands there that says so. */
  readonly ended: boolean
  /** Whether it says that nothing may be appended. */
  readonly full: boolean
}

/** How an end is looked for. */
export interface FindEndInput {
  readonly identity: TapeIdentity
  /** All tape files before this one are whole, as the media manager knows: from 2. */
  readonly files: number
}

/**
 * Proves by reading where the next tape file may be written: at the volume's end, or after a crash behind the last file that is whole. All
 * fragments that were ever reported stand before that place, or the call rejects: with `media-open-failed` where something else is read than
 * what must stand there, and as the drive does. The drive stands anywhere then.
 */
export async function findVolumeEnd(
  drive: TapeDrive,
  { identity, files }: FindEndInput,
  options?: CallOptions,
): Promise<VolumeEnd> {
  let at: VolumeEnd = await knownFilesEnd(drive, { ...identity, file: files }, options)
  for (;;) {
    const place = { ...identity, file: at.file }
    const found = await readTapeFile(drive, at.object, options)
    const next = await behind(drive, place, at, found, options)
    if (next === undefined) return at
    if (next.ended) return next
    at = next
  }
}

/** The end of the last file that is known: its last block is read, and proven to be of that file. */
async function knownFilesEnd(
  drive: TapeDrive,
  place: TapePlace,
  options: CallOptions | undefined,
): Promise<VolumeEnd> {
  const { file } = place
  await drive.rewind(options)
  const spaced = await drive.space({ over: 'filemarks', count: file }, options)
  const { object } = spaced.position
  if (spaced.passed !== file || (spaced.position.file ?? file) !== file)
    throw unproven(place, `it ends before file ${file}, and more is known to be on it`)
  const end = { file, object, ended: false, full: false }
  if (file === FIRST_FRAGMENT_FILE) {
    if (object !== FIRST_FRAGMENT_OBJECT)
      throw unproven(place, `its first fragment would begin at object ${object}`)
    return { ...end, fragments: 0 }
  }
  await standAt(drive, object - 2)
  const last = await readPassing(drive)
  const mark = await readPassing(drive)
  if (last.kind !== 'block' || last.block === undefined || mark.kind !== 'filemark')
    throw unproven(place, `the last block of file ${file - 1} can't be read`)
  const block = last.block
  proving(place, () => {
    const footer = opensWith(block, 'STREAMS.json')
      ? decodeMultiplexFooter(block)
      : decodeTapeFragmentFooter(block)
    checkTapePlace(footer, { ...place, file: file - 1 })
  })
  return { ...end, fragments: file - FIRST_FRAGMENT_FILE, lastBlock: tapeBlockChecksum(block) }
}

/** What follows `at`: an end, or where the file that begins there has ended; `undefined` where nothing of account begins there. */
async function behind(
  drive: TapeDrive,
  place: TapePlace,
  at: VolumeEnd,
  found: TapeFileFound,
  options: CallOptions | undefined,
): Promise<VolumeEnd | undefined> {
  if (found.kind !== 'file') return undefined
  const { first, last, next, blocks, closed } = found
  if (first === undefined) throw unproven(place, `the first block of file ${place.file} can't be read`)
  if (opensWith(first, 'END.json')) return provenEnd(place, at, first, blocks)
  const whole = last === undefined ? undefined : wholeFile(place, first, last)
  if (whole === undefined) {
    if (opensWith(first, 'MULTIPLEX.json')) {
      // Fragments in it may have been reported: it is not overwritten because its first block is damaged.
      proving(place, () => checkTapePlace(decodeMultiplexHeader(first), place))
      return closedCut(drive, place, at, options)
    }
    // What was begun and never reported: its header is of this place, so the place is proven by it as well.
    proving(place, () => checkTapePlace(decodeTapeFragmentHeader(first), place))
    return undefined
  }
  const object = closed ? next : await closedByMark(drive, next)
  const count = whole.kind === 'fragment' ? 1 : whole.footer.streams.length
  const lastBlock = tapeBlockChecksum(last as Buffer)
  return { ...at, file: at.file + 1, object, fragments: at.fragments + count, lastBlock }
}

/** An end is the tape's only if it follows just this last block. */
function provenEnd(place: TapePlace, at: VolumeEnd, first: Buffer, blocks: number): VolumeEnd | undefined {
  let end
  try {
    end = decodeTapeEnd(first)
  } catch (error) {
    // Damaged: nothing was ever reported that stands behind an end.
    if (error instanceof FormatError) return undefined
    throw error
  }
  const found = end
  proving(place, () => {
    checkTapePlace(found, place)
    if (found.lastFooter !== at.lastBlock || blocks !== 1)
      throw new FormatError('TAPE_MISPLACED', 0, 'The end of a tape does not follow the block before it')
  })
  return { ...at, fragments: end.fragments, ended: true, full: end.full }
}

function wholeFile(place: TapePlace, first: Buffer, last: Buffer): WholeTapeFile | undefined {
  try {
    return proveTapeFile(first, last, place)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** A file that is whole but for its filemark: the data ends behind it. */
async function closedByMark(drive: TapeDrive, object: number): Promise<number> {
  await standAt(drive, object)
  return (await drive.writeFilemarks({ count: 1 })).position.object
}

async function closedCut(
  drive: TapeDrive,
  place: TapePlace,
  at: VolumeEnd,
  options: CallOptions | undefined,
): Promise<VolumeEnd | undefined> {
  const { end, object, streams, lastBlock } = await closeCutFile(
    drive,
    { start: { ...place, object: at.object } },
    options,
  )
  if (end !== 'whole' || lastBlock === undefined) return undefined
  return { ...at, file: at.file + 1, object, fragments: at.fragments + streams.length, lastBlock }
}

function proving(place: TapePlace, proof: () => void): void {
  try {
    proof()
  } catch (error) {
    throw error instanceof FormatError ? unproven(place, error.message, error) : error
  }
}

function unproven({ volume, file }: TapePlace, why: string, cause?: FormatError): NbError {
  return new NbError(
    'media-open-failed',
    `Nothing is appended to volume ${volume}: where its file ${file} begins can't be proven (${why}).`,
    { retryable: false, details: { volumeId: volume, file }, cause },
  )
}
