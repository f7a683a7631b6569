import { type Grant, lifecycle, type ResourceRequest, systemClock } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createResourceBroker } from '@nb/resource-broker'
import { MemoryLevel } from 'memory-level'
import { runTool, wholeNumber } from './command-line.ts'

const help = `Shows how the resource broker answers "why does it wait": some jobs want one disk storage unit at once.

Usage: why-waiting [--jobs N] [--limit N] [--clients N]

  --jobs N      backups that are asked for, 1-100 (default: 3)
  --limit N     jobs that the storage unit takes at once, 0-100 (default: 1)
  --clients N   clients that the jobs are of, each taking one at once, 1-100 (default: one for each job)`

const disk1 = { name: 'disk1', type: 'disk', mediaServer: 'media1', state: 'up' } as const

await runTool('why-waiting', help, ['jobs', 'limit', 'clients'], async ({ options }) => {
  const jobs = wholeNumber('jobs', options.jobs ?? '3', 1, 100)
  const maxConcurrentJobs = wholeNumber('limit', options.limit ?? '1', 0, 100)
  const clients = wholeNumber('clients', options.clients ?? String(jobs), 1, 100)
  const clock = systemClock()
  const media = createMediaManager({ clock, store: new MemoryLevel() })
  const broker = createResourceBroker({ clock, store: new MemoryLevel(), media })
  const both = lifecycle(media, broker)
  await both.start()
  await media.putStorageUnit({ ...disk1, onDemandOnly: false, maxFragmentBytes: 2 ** 40, maxConcurrentJobs })
  const granted: Grant[] = []
  let over = false
  for (let job = 1; job <= jobs; job++) {
    const queued = new Promise<unknown>((resolve) => broker.once('request:queued', resolve))
    const told = broker.acquire(request(`${job}`, `web${((job - 1) % clients) + 1}`)).then(
      (grant) => granted.push(grant) && console.log(`job ${job} is granted ${grant.allocation.storageUnit}`),
      (error: Error) => over || console.log(`job ${job} is refused: ${error.message}`),
    )
    await Promise.race([told, queued])
  }
  for (let id = 1; id <= jobs; id++) console.log((await broker.explain({ jobId: `${id}` })).sentence)
  const [first] = granted
  if (first !== undefined && granted.length < jobs) {
    console.log(`job ${first.allocation.jobId} ends`)
    const next = new Promise<unknown>((resolve) => broker.once('allocation:granted', resolve))
    await Promise.all([next, broker.release({ leaseId: first.leaseId })])
  }
  over = true
  await both.stop()
})

function request(jobId: string, client: string): ResourceRequest {
  const need = { kind: 'write', storage: { kind: 'any' }, volumePool: 'any', retentionLevel: 1 } as const
  return { requestId: `r${jobId}`, jobId, jobType: 'backup', priority: 0, client, limits: {}, need }
}
