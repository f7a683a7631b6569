import { type CallOptions, NbError, type TapeDrive, throwIfAborted } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, type TapeStream, tapeBlockChecksum } from '@nb/formats'
import { isUnreadableBlock } from '../ssc/unreadable-block.ts'
import { closeFile } from './close-file.ts'
import { FileBlocks, type TapeFileStart } from './file-blocks.ts'
import type { EndedFile } from './multiplexed-file.ts'
import { StreamScan } from './stream-scan.ts'

/** A multiplexed file that somebody left open. */
export interface CutFileInput {
  /** Where it begins. */
  readonly start: TapeFileStart
  /**
   * Number, in the file, of the last footer that the catalog knows: where it can't be found nothing is written, as it would be overwritten.
   * @default the catalog knows none
   */
  readonly knownFooter?: number
}

/**
 * Closes a multiplexed file that was cut by a crash: it is read from its beginning, and `.nb/STREAMS.json` and a filemark come behind the
 * last footer in it. Streams without one were never reported and are overwritten. Where there is no footer nothing is written, and the
 * drive stands where the file began. The list without its filemark gets the filemark. Rejects with `media-open-failed` where a
 * footer that the catalog knows is not found, or what would be overwritten may be a footer that is damaged, and as the drive does.
 */
export async function closeCutFile(
  drive: TapeDrive,
  { start, knownFooter = 0 }: CutFileInput,
  options?: CallOptions,
): Promise<EndedFile> {
  const { scan, count, last } = await readThrough(drive, start, options)
  const found = scan.begin === undefined ? 0 : (scan.list?.blocks ?? scan.lastFooter?.block ?? 0)
  if (found < knownFooter) throw unproven(start, knownFooter)
  if (scan.doubtful !== undefined && scan.doubtful >= found) throw unproven(start, scan.doubtful)
  const file = new FileBlocks(drive, start)
  const { begin, list, lastFooter } = scan
  if (begin === undefined || (list === undefined && lastFooter === undefined)) {
    await file.backTo(0)
    return { end: 'nothing', start, object: start.object, streams: [], earlyWarning: false }
  }
  if (list !== undefined) {
    const lastBlock = tapeBlockChecksum(last)
    await file.backBehind(count - 1, lastBlock)
    const { object, earlyWarning } = await file.end()
    return { end: 'whole', start, object, streams: list.streams, lastBlock, earlyWarning }
  }
  if (lastFooter !== undefined) await file.backBehind(lastFooter.block, lastFooter.checksum)
  const closed = await closeFile(file, begin.created, scan.streams)
  return { end: 'whole', start, ...closed, earlyWarning: file.earlyWarning }
}

/** The streams that are whole in a file whose list is missing or damaged. Nothing is written. Rejects as the drive does. */
export async function wholeStreamsOf(
  drive: TapeDrive,
  start: TapeFileStart,
  options?: CallOptions,
): Promise<readonly TapeStream[]> {
  return (await readThrough(drive, start, options)).scan.streams
}

/** Reads all blocks of the file; those that can't be read are passed over. */
async function readThrough(
  drive: TapeDrive,
  start: TapeFileStart,
  options: CallOptions | undefined,
): Promise<{ readonly scan: StreamScan; readonly count: number; readonly last: Buffer }> {
  const scan = new StreamScan(start)
  const target = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
  let object = (await drive.locate({ object: start.object }, options)).object
  for (;;) {
    throwIfAborted(options)
    const read = await drive.readBlock({ target }, options).catch((error: unknown) => {
      if (isUnreadableBlock(error)) return undefined
      throw error
    })
    if (read !== undefined && read.kind !== 'block')
      return { scan, count: object - start.object, last: target }
    const isWhole = read?.blockBytes === target.length
    scan.add(object - start.object, isWhole ? target : undefined)
    const { position } = read ?? { position: await drive.position(options) }
    if (position.object !== object + 1) throw misplaced(start, drive.name, position.object)
    object = position.object
  }
}

/** Whoever appends freezes the volume. */
function unproven({ volume, file, object }: TapeFileStart, block: number): NbError {
  return new NbError(
    'media-open-failed',
    `Nothing is appended to volume ${volume}: where its multiplexed file ${file} ends can't be proven, because of block ${block}. Verify what is on it.`,
    { retryable: false, details: { volumeId: volume, file, object, block, unproven: true } },
  )
}

function misplaced({ volume, file }: TapeFileStart, drive: string, object: number): NbError {
  return new NbError(
    'media-position-failed',
    `Drive ${drive} passed over more than a block of file ${file} of volume ${volume}: it stands at object ${object}.`,
    { details: { volumeId: volume, file, object, drive } },
  )
}
