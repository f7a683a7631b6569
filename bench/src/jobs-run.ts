// Many tiny backups at once through the real flow, in a process of its own, so that its time and memory can be taken:
//   jobs-run.ts STATE SOURCE JOBS AT-ONCE
// Every job backs up one file of SOURCE, all writes durable. Prints a line of JSON, see JobsRun.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type BackupJobRequest, describeStatus, toPath } from '@nb/contracts'
import { clientName, mediaServerName, storageUnit } from '@nb/example-all-in-one/compose'
import type { JobsRun } from './benches/jobs.ts'
import { maxFragmentBytes, withServer } from './with-server.ts'

const [state, source, jobCount, mostAtOnce] = process.argv.slice(2)
if (state === undefined || source === undefined) throw new TypeError('usage: see the head of this file')
const count = Number(jobCount)
const atOnce = Number(mostAtOnce)

const run = await withServer(state, async ({ ports }): Promise<JobsRun> => {
  const { media, jobs, catalog } = ports
  await media.putStorageUnit({
    type: 'disk',
    name: storageUnit,
    mediaServer: mediaServerName,
    state: 'up',
    maxFragmentBytes,
    maxConcurrentJobs: atOnce,
    onDemandOnly: false,
  })
  const files = readdirSync(source).map((name) => join(source, name))
  const cpuBefore = process.cpuUsage()
  const begun = process.hrtime.bigint()
  const ended = Array.from({ length: count }, async (_, index) => {
    const { jobId } = await jobs.submit(tinyBackup(index, files[index % files.length] as string))
    const { status = 801, statusText } = await jobs.wait({ jobId })
    if (status > 0) throw new Error(`job ${jobId}: ${describeStatus(status)}: ${statusText ?? ''}`)
  })
  await Promise.all(ended)
  const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
  const { user, system } = process.cpuUsage(cpuBefore)
  let images = 0
  for await (const { status } of catalog.listImages({ policy: 'bench' })) if (status === 0) images += 1
  if (images !== count) throw new Error(`${count} jobs made ${images} browsable images`)
  return { wallMs, cpuMs: (user + system) / 1000, jobs: count }
})
process.stdout.write(`${JSON.stringify(run)}\n`)

function tinyBackup(index: number, file: string): BackupJobRequest {
  const schedule = {
    name: 'full',
    type: 'full',
    frequencyMs: 86_400_000,
    windows: [],
    retentionLevel: 1,
  } as const
  return {
    requestId: `bench-${index}`,
    type: 'backup',
    origin: 'immediate',
    client: clientName,
    policy: {
      name: 'bench',
      active: true,
      clients: [clientName],
      selections: [toPath(file)],
      storage: { kind: 'unit', name: storageUnit },
      schedules: [schedule],
    },
    schedule,
    limits: { maxJobsPerClient: atOnce },
    lines: [],
  }
}
