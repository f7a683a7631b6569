// The entry of a remover thread: see client/removal/removal-session.ts for its other end.
import { parentPort } from 'node:worker_threads'
import { systemClock } from '@nb/contracts'
import { openBlockPipe } from './client/block-pipe.ts'
import type { RemovalInput } from './client/removal/removal-session.ts'
import { runRemoval } from './client/removal/run-removal.ts'
import { runTasks } from './client/worker-main.ts'

runTasks(parentPort, systemClock(), {
  remover: (input: RemovalInput, reporter) => runRemoval(input, openBlockPipe(input.list), { reporter }),
})
