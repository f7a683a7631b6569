import type { DataChannel } from '@nb/contracts'
import { FrameMeter, FrameSplitter } from '../compressed-stream.ts'
import type { BackupCheckpoints } from './backup-checkpoints.ts'
import type { BackupCopies } from './backup-copies.ts'
import type { BlockRing } from './block-ring.ts'
import type { FragmentRow } from './fragment-row.ts'
import { RingFiller } from './ring-filler.ts'
import type { Session } from './session.ts'

/**
 * The most that is written to the medium in one piece, bytes; half the ring where that is less, so that the other half fills meanwhile. That
 * a tape nears its end is noticed between two of them: there has to be room for one more behind its early warning.
 */
const MOST_WRITE_BYTES = 2 ** 20

/** Takes the stream, as it is or in frames. */
export type StreamSink = Pick<FragmentRow, 'write' | 'writeFrame'>

/** What the blocks of a session hold. */
export interface BlockFlow {
  /** How many bytes of the archive stream have come with the next ones of the channel. */
  readonly received: (chunk: Uint8Array) => number
  /** Writes what is in a piece of the ring. */
  readonly write: (sink: StreamSink, bytes: Buffer) => Promise<void>
  /** Throws where the channel has ended in the midst of something. */
  readonly finish: () => void
}

/** The archive stream itself. */
export const plainFlow: BlockFlow = {
  received: (chunk) => chunk.length,
  write: (sink, bytes) => sink.write(bytes),
  finish: () => undefined,
}

/** A compressed stream, of one session: frames are stored as they come. */
export function compressedFlow(): BlockFlow {
  const meter = new FrameMeter()
  const splitter = new FrameSplitter()
  return {
    received: (chunk) => meter.push(chunk),
    write: async (sink, bytes) => {
      for (const frame of splitter.push(bytes)) await sink.writeFrame(frame)
    },
    finish: () => splitter.finish(),
  }
}

/** The media writer's child: the client's data, block by block, into the ring. */
export async function receiveBlocks(
  session: Session,
  data: DataChannel,
  ring: BlockRing,
  checkpoints: BackupCheckpoints,
  flow: BlockFlow,
): Promise<void> {
  const filler = new RingFiller(ring)
  const flush = (): void => filler.flush()
  for (;;) {
    const chunk = await session.silence.forClient(data.read(), 76)
    if (chunk === undefined) break
    const received = flow.received(chunk)
    await filler.write(chunk)
    checkpoints.onReceived(received, flush)
  }
  filler.finish()
}

/** The media writer's parent: blocks from the ring to the medium. */
export async function writeBlocks(
  ring: BlockRing,
  row: BackupCopies,
  checkpoints: BackupCheckpoints,
  flow: BlockFlow,
): Promise<void> {
  const mostBlocks = Math.max(1, Math.min(ring.blocks >> 1, Math.floor(MOST_WRITE_BYTES / ring.blockBytes)))
  for (;;) {
    const bytes = await ring.take(mostBlocks)
    if (bytes === undefined) return flow.finish()
    await flow.write(row, bytes)
    ring.release()
    checkpoints.onWritten(row.streamBytes)
  }
}
