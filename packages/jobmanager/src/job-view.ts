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
  readonly progress?: JobProgress | undefined
  readonly operation?: Job['operation'] | undefined
}

/** What is told of them; what is not told stays as it was. */
export interface ToldFacts {
  readonly progress?: Partial<JobProgress>
  readonly operation?: Job['operation'] | undefined
}

/** A part of a parent that is not final, as far as it is told. */
export interface ShownChild {
  readonly record: JobRecord
  readonly live: LiveFacts
}

const noChildren: readonly ShownChild[] = []

/** The state that lists show. */
export function stateOf(record: JobRecord, children: readonly ShownChild[] = noChildren): JobState {
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

type Draft = { -readonly [Field in keyof Job]: Job[Field] }

/** The job as lists show it. The status appears when it is true for good: not before the job is final. */
export function toJob(
  record: JobRecord,
  live: LiveFacts = record,
  children: readonly ShownChild[] = noChildren,
): Job {
  const state = stateOf(record, children)
  const job: Draft = {
    id: record.id,
    type: record.type,
    origin: record.origin,
    client: record.client,
    priority: record.priority,
    submittedAt: record.submittedAt,
    state,
    attempt: record.attempt.number,
    actions: actionsOf(record, children),
    warnings: record.ending?.warnings ?? 0,
  }
  if (record.parentId !== undefined) job.parentId = record.parentId
  if (record.children !== undefined) job.children = record.children.length
  if (record.stream !== undefined) job.stream = record.stream
  if (record.policy !== undefined) job.policy = record.policy
  if (record.schedule !== undefined) job.schedule = record.schedule
  if (record.scheduleType !== undefined) job.scheduleType = record.scheduleType
  if (record.mediaServer !== undefined) job.mediaServer = record.mediaServer
  if (record.storageUnit !== undefined) job.storageUnit = record.storageUnit
  if (record.backupId !== undefined) job.backupId = record.backupId
  if (record.activeAt !== undefined) job.activeAt = record.activeAt
  const progress = progressOf(record, live, children)
  if (progress !== undefined) job.progress = progress
  if (state === 'done') addEnd(job, record)
  else addPresent(job, record, live)
  return job
}

/** What is shown of a job that is done. */
function addEnd(job: Draft, { phase, ending, endedAt }: JobRecord): void {
  if (endedAt !== undefined) job.endedAt = endedAt
  if (phase !== 'final' || ending === undefined) return
  job.status = ending.status
  job.statusText = ending.statusText
}

/** What is shown of a job as long as it is not done. */
function addPresent(job: Draft, record: JobRecord, live: LiveFacts): void {
  const { phase, checkpoint, rest } = record
  const operation = live.operation ?? record.operation
  if (operation !== undefined && job.state === 'active') job.operation = operation
  if (phase === 'waiting-for-retry' && rest?.until !== undefined) job.retryAt = rest.until
  if (phase === 'incomplete' && rest?.until !== undefined) job.incompleteUntil = rest.until
  if (checkpoint !== undefined) job.checkpointAt = checkpoint.takenAt
  // An archive whose files are being taken off its client has ended already.
  if (record.cancel !== undefined && phase !== 'ended') job.cancelRequested = true
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
