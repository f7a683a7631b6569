// A server that is there to be killed: boots on a state, resumes a job, and dies at its so-manyeth checkpoint.

import { boot } from './boot.ts'
import { untilCheckpoint, untilResting } from './checkpointed.ts'

const [state, jobId, checkpoints] = process.argv.slice(2) as [string, string, string]

const server = await boot(state)
// One that was killed before is at rest when its recovery has looked at it.
await untilResting(server, jobId)
const killed = untilCheckpoint(server, jobId, Number(checkpoints))
await server.ports.jobs.resume({ jobId })
await killed
process.kill(process.pid, 'SIGKILL')
