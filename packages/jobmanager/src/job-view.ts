import type { Job, JobFilter, JobProgress, JobState } from '@nb/contracts'
import { actionsOf } from './job-actions.ts'
import type { JobPhase, JobRecord } from './job-record.ts'
import { parentState, sumProgress } from './parent-jobs.ts'

const states: Readonly<Record<JobPhase, JobState>> = {
  queued: 'queued',
  granted: 'active',
  imaged: 'active',
  running: 'active',
  working: 'active',
  registered: 'active',
  parent: 'active',
  resting: 'active',
  'waiting-for-retry': 'waiting-for-retry',
  suspended: 'suspended',
  incomplete: 'incomplete',
  ended: 'done',
  final: 'done',
}

/** What changes too often to be written down each time. */
export interface LiveFacts {
  readonly progress?: JobProgress
  readonly operation?: Job['operation']
}

/** A part of a parent that is not final, as far as it is told. */
export interface ShownChild {
  readonly record: JobRecord
  readonly live: LiveFacts
}

/** The state that lists show. */
export function stateOf(record: JobRecord, children: readonly ShownChild[] = []): JobState {
  const { phase, activeAt } = record
  if (phase === 'parent') return parentState(children.map((child) => stateOf(child.record)))
  // What is taken off the queue was never active.
  if (phase === 'resting' && activeAt === undefined) return 'queued'
  return isRemoving(record) ? 'active' : states[phase]
}

/** An archive whose image is saved while its files are taken off the client is not yet done. */
export function isRemoving({ phase, type, ending }: JobRecord): boolean {
  return (
    phase === 'ended' && type === 'archive' && ending?.completion !== undefined && ending.removalDone !== true
  )
}

/** The job as lists show it. The status appears when it is true for good: not before the job is final. */
export function toJob(record: JobRecord, live: LiveFacts = {}, children: readonly ShownChild[] = []): Job {
  const { id, type, origin, client, priority, submittedAt, phase, ending, rest } = record
  const state = stateOf(record, children)
  const operation = phase === 'final' ? undefined : (live.operation ?? record.operation)
  const final = phase === 'final' ? ending : undefined
  const progress = progressOf(record, live, children)
  const until = rest?.until
  return {
    id,
    type,
    origin,
    client,
    priority,
    submittedAt,
    state,
    attempt: record.attempt.number,
    actions: actionsOf(
      record,
      children.map((child) => child.record),
    ),
    warnings: ending?.warnings ?? 0,
    ...(record.parentId === undefined ? {} : { parentId: record.parentId }),
    ...(record.children === undefined ? {} : { children: record.children.length }),
    ...(record.stream === undefined ? {} : { stream: record.stream }),
    ...(operation === undefined || state !== 'active' ? {} : { operation }),
    ...(final === undefined ? {} : { status: final.status, statusText: final.statusText }),
    ...(record.policy === undefined ? {} : { policy: record.policy }),
    ...(record.schedule === undefined ? {} : { schedule: record.schedule }),
    ...(record.scheduleType === undefined ? {} : { scheduleType: record.scheduleType }),
    ...(record.mediaServer === undefined ? {} : { mediaServer: record.mediaServer }),
    ...(record.storageUnit === undefined ? {} : { storageUnit: record.storageUnit }),
    ...(record.backupId === undefined ? {} : { backupId: record.backupId }),
    ...(record.activeAt === undefined ? {} : { activeAt: record.activeAt }),
    ...(record.endedAt === undefined || state !== 'done' ? {} : { endedAt: record.endedAt }),
    ...(phase === 'waiting-for-retry' && until !== undefined ? { retryAt: until } : {}),
    ...(phase === 'incomplete' && until !== undefined ? { incompleteUntil: until } : {}),
    ...(record.checkpoint === undefined || state === 'done'
      ? {}
      : { checkpointAt: record.checkpoint.takenAt }),
    ...(progress === undefined ? {} : { progress }),
    ...(record.cancel === undefined || phase === 'ended' || phase === 'final'
      ? {}
      : { cancelRequested: true }),
  }
}

function progressOf(
  record: JobRecord,
  live: LiveFacts,
  children: readonly ShownChild[],
): JobProgress | undefined {
  if (record.children === undefined) return live.progress ?? record.progress
  const present = children.map((child) => child.live.progress ?? child.record.progress)
  return sumProgress([...present, ...Object.values(record.childEnds ?? {})])
}

/** Whether the job is one of those asked for; `limit` is not looked at. */
export function matchesFilter(job: Job, filter: JobFilter): boolean {
  const { jobId, parentId, types, origins, states: wanted, policy, schedule, client, since, until } = filter
  return (
    (jobId === undefined || job.id === jobId) &&
    (parentId === undefined || job.parentId === parentId) &&
    (types === undefined || types.includes(job.type)) &&
    (origins === undefined || origins.includes(job.origin)) &&
    (wanted === undefined || wanted.includes(job.state)) &&
    (policy === undefined || job.policy === policy) &&
    (schedule === undefined || job.schedule === schedule) &&
    (client === undefined || job.client === client) &&
    (since === undefined || job.submittedAt >= since) &&
    (until === undefined || job.submittedAt < until) &&
    (filter.statuses === undefined || (job.status !== undefined && filter.statuses.includes(job.status))) &&
    (filter.failed === undefined || filter.failed === (job.status !== undefined && job.status > 1))
  )
}
