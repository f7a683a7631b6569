import type { Job, JobAction, JobFilter, JobProgress, JobState } from '@nb/contracts'
import type { JobPhase, JobRecord } from './job-record.ts'

const states: Readonly<Record<JobPhase, JobState>> = {
  queued: 'queued',
  granted: 'active',
  imaged: 'active',
  running: 'active',
  registered: 'active',
  ended: 'done',
  final: 'done',
}

/** What changes too often to be written down each time. */
export interface LiveFacts {
  readonly progress?: JobProgress
  readonly operation?: Job['operation']
}

/** The job as lists show it. The status appears when it is true for good: not before the job is final. */
export function toJob(record: JobRecord, live: LiveFacts = {}): Job {
  const { id, type, origin, client, priority, submittedAt, phase, ending, backup } = record
  const operation = phase === 'final' ? undefined : (live.operation ?? record.operation)
  const progress = live.progress ?? record.progress
  const final = phase === 'final' ? ending : undefined
  return {
    id,
    type,
    origin,
    client,
    priority,
    submittedAt,
    state: states[phase],
    attempt: 1,
    actions: actionsOf(record),
    warnings: ending?.warnings ?? 0,
    ...(operation === undefined || phase === 'queued' ? {} : { operation }),
    ...(final === undefined ? {} : { status: final.status, statusText: final.statusText }),
    ...(record.policy === undefined ? {} : { policy: record.policy }),
    ...(backup === undefined ? {} : { schedule: backup.schedule.name, scheduleType: backup.schedule.type }),
    ...(record.mediaServer === undefined ? {} : { mediaServer: record.mediaServer }),
    ...(record.storageUnit === undefined ? {} : { storageUnit: record.storageUnit }),
    ...(record.backupId === undefined ? {} : { backupId: record.backupId }),
    ...(record.activeAt === undefined ? {} : { activeAt: record.activeAt }),
    ...(record.endedAt === undefined ? {} : { endedAt: record.endedAt }),
    ...(progress === undefined ? {} : { progress }),
    ...(record.cancel === undefined || phase === 'ended' || phase === 'final'
      ? {}
      : { cancelRequested: true }),
  }
}

/** What a person may do with the job now. */
export function actionsOf({ phase, cancel }: JobRecord): readonly JobAction[] {
  if (phase === 'ended' || phase === 'final') return []
  return cancel === undefined ? ['cancel', 'set-priority'] : ['set-priority']
}

/** Whether the job is one of those asked for; `limit` is not looked at. */
export function matchesFilter(job: Job, filter: JobFilter): boolean {
  const { jobId, types, states: wanted, policy, client, since } = filter
  return (
    (jobId === undefined || job.id === jobId) &&
    (types === undefined || types.includes(job.type)) &&
    (wanted === undefined || wanted.includes(job.state)) &&
    (policy === undefined || job.policy === policy) &&
    (client === undefined || job.client === client) &&
    (since === undefined || job.submittedAt >= since)
  )
}

/** The newer progress, keeping estimates and counters that only the older one has. */
export function mergeProgress(older: JobProgress | undefined, newer: JobProgress): JobProgress {
  return { ...older, ...newer }
}
