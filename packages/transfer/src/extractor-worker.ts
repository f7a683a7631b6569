// The entry of an extractor thread: see client/extractor/extractor-session.ts for its other end.
import { parentPort } from 'node:worker_threads'
import { systemClock } from '@nb/contracts'
import { openBlockPipe } from './client/block-pipe.ts'
import type { ExtractorInput } from './client/extractor/extractor-session.ts'
import { runExtractor } from './client/extractor/run-extractor.ts'
import { runTasks } from './client/worker-main.ts'

runTasks(parentPort, systemClock(), (input: ExtractorInput, reporter, clock) => {
  const plan = openBlockPipe(input.plan)
  const data = openBlockPipe(input.data)
  return runExtractor(
    input,
    { plan, data, behind: { shared: input.behind, memory: input.data.data } },
    { clock, reporter },
  )
})
