// The entry of a thread that reads or extracts: see client/reader-session.ts and client/extractor/extractor-session.ts for its other end.
import { parentPort } from 'node:worker_threads'
import { systemClock } from '@nb/contracts'
import { openBlockPipe } from './client/block-pipe.ts'
import { createCheckpointGate } from './client/checkpoint-gate.ts'
import type { ExtractorInput } from './client/extractor/extractor-session.ts'
import { runExtractor } from './client/extractor/run-extractor.ts'
import { warmUpExtractor } from './client/extractor/warm-up-extractor.ts'
import { runReader } from './client/run-reader.ts'
import type { ReaderInput } from './client/worker-messages.ts'
import { warmUp } from './client/warm-up.ts'
import { runTasks } from './client/worker-main.ts'
import type { WorkerReporter } from './client/worker-reporter.ts'
import type { ReadCalls } from './client/read-calls.ts'
import { loadNativeReadCalls } from './posix/native-read-calls.ts'

// Bound before there is work; a run without them binds what there is, and says what it lacks.
const native = loadNativeReadCalls()
const calls = typeof native === 'string' ? {} : { calls: native }
const clock = systemClock()
const works = {
  reader: (input: ReaderInput, reporter: WorkerReporter) => {
    const data = openBlockPipe(input.data)
    const list = openBlockPipe(input.list)
    const reference = input.reference === undefined ? undefined : openBlockPipe(input.reference)
    const gate = createCheckpointGate(input.gate)
    const pipes = { data, list, reference }
    return runReader(input, pipes, { clock, reporter, standStill: () => gate.passSync(), ...calls })
  },
  extractor: (input: ExtractorInput, reporter: WorkerReporter) => {
    const behind = { shared: input.behind, memory: input.data.data }
    const pipes = { plan: openBlockPipe(input.plan), data: openBlockPipe(input.data), behind }
    return runExtractor(input, pipes, { clock, reporter })
  },
}

/** First what runs every day. */
function* prepare(native: ReadCalls): Generator<undefined, void> {
  yield* warmUp(native, clock, import.meta.dirname)
  yield* warmUpExtractor(clock)
}

runTasks(parentPort, clock, works, typeof native === 'string' ? undefined : prepare(native))
