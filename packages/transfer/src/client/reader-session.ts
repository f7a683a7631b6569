import type { DataChannel } from '@nb/contracts'
import { createBlockPipe } from './block-pipe.ts'
import { superviseThread, type ThreadSession } from './thread-session.ts'
import { pumpIn, pumpOut } from './pump.ts'
import type { ReaderInput, ReaderTotals } from './worker-messages.ts'
import type { WorkerListener, WorkerThreads } from './worker-threads.ts'

/** Blocks of the archive stream that lie between the reader and the network. */
const DATA_BLOCKS = 16
const DATA_BLOCK_BYTES = 256 * 1024
const LIST_BLOCKS = 16
const LIST_BLOCK_BYTES = 64 * 1024

/** The channels of one backup. */
export interface ReaderChannels {
  readonly data: DataChannel
  readonly metadata: DataChannel
  readonly reference: DataChannel | undefined
}

/** Runs the reader in its thread and moves its blocks over the channels. */
export function startReaderSession(
  threads: WorkerThreads,
  input: Omit<ReaderInput, 'data' | 'list' | 'reference'>,
  channels: ReaderChannels,
  listener: WorkerListener,
): ThreadSession<ReaderTotals> {
  const data = createBlockPipe({ blocks: DATA_BLOCKS, blockBytes: DATA_BLOCK_BYTES })
  const list = createBlockPipe({ blocks: LIST_BLOCKS, blockBytes: LIST_BLOCK_BYTES })
  const reference =
    channels.reference === undefined
      ? undefined
      : {
          channel: channels.reference,
          pipe: createBlockPipe({ blocks: LIST_BLOCKS, blockBytes: LIST_BLOCK_BYTES }),
        }
  return superviseThread<ReaderTotals>({
    threads,
    name: 'reader',
    input: { ...input, data: data.shared, list: list.shared, reference: reference?.pipe.shared },
    listener,
    pipes: reference === undefined ? [data, list] : [data, list, reference.pipe],
    channels: [channels.data, channels.metadata, ...(reference === undefined ? [] : [reference.channel])],
    pumps: [
      () => pumpOut(data, channels.data),
      () => pumpOut(list, channels.metadata),
      ...(reference === undefined ? [] : [() => pumpIn(reference.channel, reference.pipe)]),
    ],
  })
}
