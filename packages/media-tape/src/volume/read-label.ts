import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import {
  FIRST_FRAGMENT_FILE,
  decodeTapeEnd,
  FormatError,
  recogniseTape,
  TAPE_BLOCK_BYTES,
  type TapeContent,
  type TapeIdentity,
  type TapeRead,
} from '@nb/formats'
import { describeContent } from './judge-label.ts'
import { isUnreadableBlock } from '../ssc/unreadable-block.ts'

/**
 * What the tape in a drive is, by its first two blocks; it stands behind them then. Rejects as the drive does, but for a block that can't be
 * read: nobody knows then what is there.
 */
export async function readTapeLabel(drive: TapeDrive, options?: CallOptions): Promise<TapeContent> {
  await drive.rewind(options)
  const first = await readOne(drive, options)
  // Of what is not ours the first block is enough.
  if (first.kind !== 'block' || first.bytes.length > TAPE_BLOCK_BYTES) return recogniseTape(first)
  return recogniseTape(first, await readOne(drive, options))
}

/**
 * Proves that the volume in the drive is this one, in this generation, by its first two blocks. Rejects with `media-open-failed`, and as the
 * drive does.
 */
export async function proveVolume(
  drive: TapeDrive,
  { volume, generation }: TapeIdentity,
  options?: CallOptions,
): Promise<void> {
  const found = await readTapeLabel(drive, options)
  const isNamed = found.kind === 'nb' && found.volume.volume === volume
  if (isNamed && found.volume.generation === generation) return
  const why = isNamed
    ? `was labelled anew (generation ${found.volume.generation}, not ${generation})`
    : describeContent(found)
  throw new NbError(
    'media-open-failed',
    `What is in drive ${drive.name} is not volume ${volume}: it ${why}.`,
    {
      retryable: false,
      details: { drive: drive.name, volumeId: volume, found: found.kind },
    },
  )
}

/**
 * Whether nothing was ever written behind a label of ours: the file behind the text how to read it is an end without fragments, or there is none. What
 * can't be read may be something. Rejects as the drive does.
 */
export async function isNeverWritten(drive: TapeDrive, options?: CallOptions): Promise<boolean> {
  await drive.rewind(options)
  const { stoppedBy } = await drive.space({ over: 'filemarks', count: FIRST_FRAGMENT_FILE }, options)
  if (stoppedBy === 'end-of-data') return true
  const read = await readOne(drive, options).catch((error: unknown) => {
    // What can't be read without its key was written with it.
    if (error instanceof NbError && error.code === 'key-missing') return undefined
    throw error
  })
  if (read === undefined) return false
  if (read.kind === 'end-of-data') return true
  if (read.kind !== 'block') return false
  try {
    return decodeTapeEnd(read.bytes).fragments === 0
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

async function readOne(drive: TapeDrive, options?: CallOptions): Promise<TapeRead> {
  const target = Buffer.alloc(TAPE_BLOCK_BYTES)
  try {
    const read = await drive.readBlock({ target }, options)
    if (read.kind !== 'block') return { kind: read.kind }
    return { kind: 'block', bytes: target.subarray(0, Math.min(read.blockBytes, target.length)) }
  } catch (error) {
    if (isUnreadableBlock(error)) return { kind: 'unreadable' }
    throw error
  }
}
