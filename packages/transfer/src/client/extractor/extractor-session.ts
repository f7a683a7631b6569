import type { DataChannel } from '@nb/contracts'
import { createBlockPipe, type SharedPipe } from '../block-pipe.ts'
import { pumpIn } from '../pump.ts'
import { superviseThread, type ThreadSession } from '../thread-session.ts'
import type { WorkerListener, WorkerThreads } from '../worker-threads.ts'
import type { ExtractorSpec, ExtractorTotals } from './run-extractor.ts'

// Powers of two; fewer where many extractors run.
const DATA_BLOCKS = 16
const LEAST_DATA_BLOCKS = 4
const DATA_BLOCK_BYTES = 256 * 1024
const PLAN_BLOCKS = 8
const PLAN_BLOCK_BYTES = 64 * 1024

/** What an extractor thread is started with. */
export interface ExtractorInput extends ExtractorSpec {
  readonly plan: SharedPipe
  readonly data: SharedPipe
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
  const input: ExtractorInput = { ...spec, plan: plan.shared, data: data.shared }
  return superviseThread<ExtractorTotals>({
    threads,
    name: 'extractor',
    input,
    listener,
    pipes: [plan, data],
    channels: [channels.plan, channels.data],
    pumps: [() => pumpIn(channels.plan, plan), () => pumpIn(channels.data, data)],
  })
}
