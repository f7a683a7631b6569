import { type DataChannel, readChannel } from '@nb/contracts'
import { FrameMeter, FrameSplitter } from '../compressed-stream.ts'
import type { BackupCheckpoints } from './backup-checkpoints.ts'
import type { BackupCopies } from './backup-copies.ts'
import type { BlockRing } from './block-ring.ts'
import type { FragmentRow } from './fragment-row.ts'
import { RingFiller } from './ring-filler.ts'
import type { Session } from './session.ts'

/** Blocks that are written to the medium in one piece, where so many are full. */
const BLOCKS_PER_WRITE = 4

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
  const chunks = readChannel(data)
  for (;;) {
    const next = await session.silence.forClient(chunks.next(), 76)
    if (next.done === true) break
    const received = flow.received(next.value)
    await filler.write(next.value)
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
  for (;;) {
    const bytes = await ring.take(BLOCKS_PER_WRITE)
    if (bytes === undefined) return flow.finish()
    await flow.write(row, bytes)
    ring.release()
    checkpoints.onWritten(row.streamBytes)
  }
}
