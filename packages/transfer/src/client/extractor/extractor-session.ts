import type { DataChannel } from '@nb/contracts'
import { createBlockPipe, type SharedPipe } from '../block-pipe.ts'
import { createDeferred } from '../deferred.ts'
import { pumpIn } from '../pump.ts'
import { superviseThread, type ThreadSession } from '../thread-session.ts'
import type { WorkerListener, WorkerThreads } from '../worker-threads.ts'
import type { ExtractorSpec, ExtractorTotals } from './run-extractor.ts'
import { makeFailureTable, OP_BLOCK_BYTES, OP_BLOCKS, type SharedWriteBehind } from './write-behind.ts'

// Powers of two; fewer where many extractors run.
const DATA_BLOCKS = 32
const LEAST_DATA_BLOCKS = 4
const DATA_BLOCK_BYTES = 256 * 1024
const PLAN_BLOCKS = 8
const PLAN_BLOCK_BYTES = 64 * 1024

/** What an extractor thread is started with. */
export interface ExtractorInput extends ExtractorSpec {
  readonly plan: SharedPipe
  readonly data: SharedPipe
  readonly behind: SharedWriteBehind
}

/** Runs the extractor in its thread and feeds it from the channels. */
export function startExtractorSession(
  threads: WorkerThreads,
  spec: ExtractorSpec,
  channels: { readonly plan: DataChannel; readonly data: DataChannel },
  listener: WorkerListener,
): ThreadSession<ExtractorTotals> {
  const plan = createBlockPipe({ blocks: PLAN_BLOCKS, blockBytes: PLAN_BLOCK_BYTES }, threads.memory)
  const blocks = threads.memory.share(DATA_BLOCK_BYTES, DATA_BLOCKS, LEAST_DATA_BLOCKS)
  const data = createBlockPipe({ blocks, blockBytes: DATA_BLOCK_BYTES }, threads.memory)
  const ops = createBlockPipe({ blocks: OP_BLOCKS, blockBytes: OP_BLOCK_BYTES })
  const behind: SharedWriteBehind = { ops: ops.shared, failures: makeFailureTable() }
  const input: ExtractorInput = { ...spec, plan: plan.shared, data: data.shared, behind }
  // Begun when the extractor asks for it: a restore of a few files is over before a thread has started.
  const wanted = createDeferred<boolean>()
  const write = async (): Promise<void> => {
    if (!(await wanted.promise)) return
    try {
      await threads.run('writer', { ...behind, data: data.shared }, listener)
    } catch (error) {
      ops.abort()
      throw error
    }
  }
  return superviseThread<ExtractorTotals>({
    threads,
    name: 'extractor',
    input,
    listener: { ...listener, onWriterWanted: () => wanted.resolve(true) },
    pipes: [plan, data],
    channels: [channels.plan, channels.data],
    pumps: [() => pumpIn(channels.plan, plan), () => pumpIn(channels.data, data), write],
    onThreadEnd: () => {
      wanted.resolve(false)
      // So that a writer ends even where its extractor could not let it go.
      ops.end()
    },
  })
}
