import { availableParallelism } from 'node:os'
import type { Compression, DataChannel } from '@nb/contracts'
import { createBlockPipe } from './block-pipe.ts'
import { createCheckpointGate } from './checkpoint-gate.ts'
import { superviseThread, type ThreadSession } from './thread-session.ts'
import { pumpFrames } from './frame-pump.ts'
import { pumpIn, pumpOut } from './pump.ts'
import { BLOCK_MARK_BYTES } from './stream-writer.ts'
import type { ReaderInput, ReaderTotals } from './worker-messages.ts'
import type { WorkerListener, WorkerThreads } from './worker-threads.ts'

/** Blocks of the archive stream that lie between the reader and the network; fewer where many readers run. Powers of two. */
const DATA_BLOCKS = 16
const LEAST_DATA_BLOCKS = 4
const DATA_BLOCK_BYTES = 256 * 1024
/** Bytes of the stream in a frame, where it is compressed; see ADR 11. */
const FRAME_BYTES = 512 * 1024
const FRAMED_BLOCKS = 8
/** Frames that are compressed at once: one of the thread pool's four threads is left to files. */
const MOST_LANES = 3
const LIST_BLOCKS = 16
const LIST_BLOCK_BYTES = 64 * 1024

/** The channels of one backup. */
export interface ReaderChannels {
  readonly data: DataChannel
  readonly metadata: DataChannel
  readonly reference: DataChannel | undefined
}

/** A reader at work. */
export interface ReaderSession extends ThreadSession<ReaderTotals> {
  /** Lets it go on from the checkpoint at which it stands. */
  goOn(): void
}

/** Runs the reader in its thread and moves its blocks over the channels. */
export function startReaderSession(
  threads: WorkerThreads,
  input: Omit<ReaderInput, 'data' | 'framed' | 'list' | 'reference' | 'gate'>,
  compression: Compression | undefined,
  channels: ReaderChannels,
  listener: WorkerListener,
): ReaderSession {
  const { memory } = threads
  const gate = createCheckpointGate()
  const blockBytes = compression === undefined ? DATA_BLOCK_BYTES : BLOCK_MARK_BYTES + FRAME_BYTES
  const wanted = compression === undefined ? DATA_BLOCKS : FRAMED_BLOCKS
  const blocks = memory.share(blockBytes, wanted, LEAST_DATA_BLOCKS)
  const data = createBlockPipe({ blocks, blockBytes }, memory)
  const list = createBlockPipe({ blocks: LIST_BLOCKS, blockBytes: LIST_BLOCK_BYTES }, memory)
  const reference =
    channels.reference === undefined
      ? undefined
      : {
          channel: channels.reference,
          pipe: createBlockPipe({ blocks: LIST_BLOCKS, blockBytes: LIST_BLOCK_BYTES }, memory),
        }
  const session = superviseThread<ReaderTotals>({
    threads,
    name: 'reader',
    input: {
      ...input,
      data: data.shared,
      framed: compression !== undefined,
      list: list.shared,
      reference: reference?.pipe.shared,
      gate: gate.shared,
    },
    listener,
    pipes: [data, list, ...(reference === undefined ? [] : [reference.pipe])],
    waits: [gate],
    channels: [channels.data, channels.metadata, ...(reference === undefined ? [] : [reference.channel])],
    pumps: [
      () =>
        compression === undefined
          ? pumpOut(data, channels.data)
          : pumpFrames(data, channels.data, {
              compression,
              lanes: Math.min(MOST_LANES, availableParallelism()),
            }),
      () => pumpOut(list, channels.metadata),
      ...(reference === undefined ? [] : [() => pumpIn(reference.channel, reference.pipe)]),
    ],
  })
  return { ...session, goOn: () => gate.open() }
}
