// The entry of an extractor thread: see client/extractor/extractor-session.ts for its other end.
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '@nb/contracts'
import { openBlockPipe } from './client/block-pipe.ts'
import type { ExtractorInput } from './client/extractor/extractor-session.ts'
import { runExtractor } from './client/extractor/run-extractor.ts'
import { runWorker } from './client/worker-main.ts'

const input = workerData as ExtractorInput
const pipes = { plan: openBlockPipe(input.plan), data: openBlockPipe(input.data) }
runWorker(parentPort, systemClock(), (reporter, clock) => runExtractor(input, pipes, { clock, reporter }))
