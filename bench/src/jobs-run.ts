// Many tiny backups at once through the real flow, in a process of its own, so that its time and memory can be taken:
//   jobs-run.ts STATE SOURCE JOBS AT-ONCE
// Every job backs up one file of SOURCE, all writes durable. Prints a line of JSON, see JobsRun.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type BackupJobRequest, describeStatus, systemClock, systemFiles, toPath } from '@nb/contracts'
import { clientName, composeAllInOne, mediaServerName, storageUnit } from '@nb/example-all-in-one/compose'
import { Level } from 'level'
import type { JobsRun } from './benches/jobs.ts'

const [state, source, jobCount, mostAtOnce] = process.argv.slice(2)
if (state === undefined || source === undefined) throw new TypeError('usage: see the head of this file')
const count = Number(jobCount)
const atOnce = Number(mostAtOnce)
const maxFragmentBytes = 512 * 1024 ** 3

const database = new Level<string, string>(join(state, 'database'))
await database.open()
const server = composeAllInOne({
  database,
  files: systemFiles(),
  clock: systemClock(),
  imageDirectory: join(state, 'images'),
  diskDirectory: join(state, 'disk1'),
  stateDirectory: state,
  maxFragmentBytes,
})
await server.start()
try {
  const { media, jobs, catalog } = server.ports
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
  const run: JobsRun = { wallMs, cpuMs: (user + system) / 1000, jobs: count }
  process.stdout.write(`${JSON.stringify(run)}\n`)
} finally {
  await server.stop()
  await database.close()
}

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
