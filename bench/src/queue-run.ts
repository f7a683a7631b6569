// A long queue at the real broker over the real media manager, stores in memory, in a process of its own:
//   node --expose-gc queue-run.ts QUEUED CYCLES
// Fills the drives, queues so many jobs, then finishes jobs one by one. Prints a line of JSON, see QueueRun.

import { systemClock } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createResourceBroker } from '@nb/resource-broker'
import { MemoryLevel } from 'memory-level'
import type { QueueRun } from './benches/queue.ts'
import { requestOf, setUpSite } from './queue-site.ts'

const [queuedJobs, mostCycles] = process.argv.slice(2).map(Number)
if (queuedJobs === undefined || mostCycles === undefined)
  throw new TypeError('usage: see the head of this file')

const collectGarbage = (globalThis as { gc?: () => void }).gc
if (collectGarbage === undefined) throw new TypeError('start it with --expose-gc')

const clock = systemClock()
const media = createMediaManager({ store: new MemoryLevel(), clock })
const broker = createResourceBroker({ media, store: new MemoryLevel(), clock }, { leaseMs: 86_400_000 })
await media.start()
await setUpSite(media)
await broker.start()

/** The leases in force, oldest first. */
const running: string[] = []
const grantedJobs = new Set<string>()
broker.on('allocation:granted', ({ leaseId, jobId }) => {
  running.push(leaseId)
  grantedJobs.add(jobId)
})
const begun = clock.now() - 100_000_000
let submitted = 0
const total = queuedJobs + 2000
/** The promise is dropped: who is granted is told by the event, and the process ends before anybody is refused. */
const submit = (): void => void broker.acquire(requestOf(submitted++, begun + submitted))

while (submitted < 2000) submit()
await quiet()
// Warms up, so that what is measured next is not the compiler.
await cycles(200)

const heapBefore = usedHeap()
const submitBegun = processorMs()
for (let batch = 0; submitted < total; batch++) {
  submit()
  if (batch % 500 === 499) await immediately()
}
await quiet()
const submitUs = ((processorMs() - submitBegun) * 1000) / queuedJobs
const heapAfter = usedHeap()

const explainMs: number[] = []
for (let asked = 0; asked < 2000; asked++) {
  const jobId = `${(asked * 7919) % total}`
  if (grantedJobs.has(jobId)) continue
  const before = processorMs()
  const { waiting } = await broker.explain({ jobId })
  explainMs.push(processorMs() - before)
  if (!waiting) throw new Error(`job ${jobId} does not wait`)
}

// The first cycles warm up.
await cycles(Math.ceil(mostCycles / 10))
const grantsBefore = grantedJobs.size
const { finishMs, grantMs } = await cycles(mostCycles)
const grants = grantedJobs.size - grantsBefore

explainMs.sort((a, b) => a - b)
const run: QueueRun = {
  queued: queuedJobs,
  submitUs,
  finishUs: (finishMs * 1000) / mostCycles,
  grantUs: (grantMs * 1000) / Math.max(1, grants),
  grants,
  cycles: mostCycles,
  bytesPerJob: (heapAfter - heapBefore) / queuedJobs,
  explainMedianMs: explainMs[Math.floor(explainMs.length / 2)] ?? NaN,
  explainP99Ms: explainMs[Math.floor(explainMs.length * 0.99)] ?? NaN,
}
console.log(JSON.stringify(run))
process.exit(0)

/** Finishes the oldest jobs, one by one, each time until all that it sets free is granted. */
async function cycles(count: number): Promise<{ readonly finishMs: number; readonly grantMs: number }> {
  let finishMs = 0
  let grantMs = 0
  for (let cycle = 0; cycle < count; cycle++) {
    const leaseId = running.shift()
    if (leaseId === undefined) throw new Error('nobody runs any more')
    const before = processorMs()
    await broker.release({ leaseId })
    const between = processorMs()
    await quiet()
    finishMs += between - before
    grantMs += processorMs() - between
  }
  return { finishMs, grantMs }
}

/** Resolves when the broker has nothing in hand: its next task comes after all before it. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== grantedJobs.size;) {
    before = grantedJobs.size
    for (let turn = 0; turn < 3; turn++) await immediately()
  }
}

/** Processor time of this process, garbage collection included: what else runs on the machine does not show in it. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function immediately(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function usedHeap(): number {
  for (let round = 0; round < 3; round++) collectGarbage?.()
  return process.memoryUsage().heapUsed
}
