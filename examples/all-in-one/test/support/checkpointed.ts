import { randomUUID } from 'node:crypto'
import type { BackupJobRequest, JobState } from '@nb/contracts'
import { type AllInOne, clientName } from '../../src/compose.ts'
import { manualPolicy } from './site.ts'

/** A backup that takes a checkpoint after nearly every file. */
export async function submitBackup(
  { ports }: AllInOne,
  source: string,
  type: 'full' | 'incr',
): Promise<string> {
  const policy = { ...manualPolicy(source), checkpointIntervalMs: 1 }
  const schedule = policy.schedules.find(({ name }) => name === type)
  const request: BackupJobRequest = {
    requestId: randomUUID(),
    type: 'backup',
    origin: 'immediate',
    policy,
    schedule: schedule as BackupJobRequest['schedule'],
    client: clientName,
    limits: {},
    lines: [],
  }
  return (await ports.jobs.submit(request)).jobId
}

/** Resolves when the job has taken so many checkpoints more, and each of them is durable. */
export async function untilCheckpoint({ ports }: AllInOne, jobId: string, count: number): Promise<void> {
  let taken = 0
  const since = Date.now()
  for await (const event of ports.jobs.watch({ jobId, lines: true })) {
    if (event.kind === 'job' && event.job.state === 'done') break
    if (event.kind !== 'line' || event.line.time < since) continue
    if (/^checkpoint \d+ at /.test(event.line.text)) taken += 1
    if (taken === count) return
  }
  throw new Error(`job ${jobId} has taken ${taken} checkpoints, not ${count}`)
}

/** The state of the job once it is not active any more. */
export async function untilResting({ ports }: AllInOne, jobId: string): Promise<JobState> {
  for await (const event of ports.jobs.watch({ jobId }))
    if (event.kind === 'job' && event.job.state !== 'active') return event.job.state
  throw new Error(`job ${jobId} is watched no more`)
}
