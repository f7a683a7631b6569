import type { DataChannel } from '@nb/contracts'
import { createBlockPipe, type SharedPipe } from '../block-pipe.ts'
import { pumpIn } from '../pump.ts'
import { superviseThread, type ThreadSession } from '../thread-session.ts'
import type { WorkerListener, WorkerThreads } from '../worker-threads.ts'
import type { RemovalSpec, RemovalTotals } from './run-removal.ts'

const LIST_BLOCKS = 4
const LIST_BLOCK_BYTES = 64 * 1024

/** What a remover thread is started with. */
export interface RemovalInput extends RemovalSpec {
  readonly list: SharedPipe
}

/** Runs a removal in its thread and feeds it the list. */
export function startRemovalSession(
  threads: WorkerThreads,
  spec: RemovalSpec,
  list: DataChannel,
  listener: WorkerListener,
): ThreadSession<RemovalTotals> {
  const pipe = createBlockPipe({ blocks: LIST_BLOCKS, blockBytes: LIST_BLOCK_BYTES }, threads.memory)
  const input: RemovalInput = { ...spec, list: pipe.shared }
  return superviseThread<RemovalTotals>({
    threads,
    name: 'remover',
    input,
    listener,
    pipes: [pipe],
    channels: [list],
    pumps: [() => pumpIn(list, pipe)],
  })
}
