import type { Bench } from '../bench.ts'
import { backup } from './backup.ts'
import { catalog } from './catalog.ts'
import { incremental } from './incremental.ts'
import { jobs } from './jobs.ts'
import { memory } from './memory.ts'
import { queue } from './queue.ts'
import { remote } from './remote.ts'
import { restore } from './restore.ts'
import { tape } from './tape.ts'

/** Every bench, in the order of the help. */
export const benches: readonly Bench[] = [
  backup,
  incremental,
  restore,
  memory,
  jobs,
  queue,
  catalog,
  tape,
  remote,
]
