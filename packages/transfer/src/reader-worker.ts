// The entry of a reader thread: see client/reader-session.ts for its other end.
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '@nb/contracts'
import { openBlockPipe } from './client/block-pipe.ts'
import { runReader } from './client/run-reader.ts'
import type { ReaderInput } from './client/worker-messages.ts'
import { runWorker } from './client/worker-main.ts'

const input = workerData as ReaderInput
const pipes = {
  data: openBlockPipe(input.data),
  list: openBlockPipe(input.list),
  reference: input.reference === undefined ? undefined : openBlockPipe(input.reference),
}
runWorker(parentPort, systemClock(), (reporter, clock) => runReader(input, pipes, { clock, reporter }))
