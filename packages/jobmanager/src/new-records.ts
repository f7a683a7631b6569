import type { BackupJobRequest, JobStream, Policy, RegisteredJobRequest, WorkJobRequest } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'
import { noRows } from './rows.ts'
import { wholeRecord } from './whole-record.ts'

/** A job to be put on the list: one of the manager's own flows, a worker's, or another's. */
export type NewJob =
  /** `stream` names the one that the job is, where it is started again without its parent. */
  | { readonly kind: 'backup'; readonly request: BackupJobRequest; readonly stream?: string }
  | { readonly kind: 'work'; readonly request: WorkJobRequest }
  | { readonly kind: 'registered'; readonly request: RegisteredJobRequest }

/** The records of a new job: its own and, for one with streams, those of its parts after it. */
export function createRecords(
  input: NewJob,
  nextId: () => string,
  now: number,
): readonly [JobRecord, ...JobRecord[]] {
  const id = nextId()
  if (input.kind === 'work') return [newWorkRecord(id, input.request, now)]
  if (input.kind === 'registered') return [newRegisteredRecord(id, input.request, now)]
  const { stream } = input
  const whole = newBackupRecord(id, input.request, now)
  const record = stream === undefined ? whole : { ...whole, stream }
  const { streams = [] } = input.request
  const children = streams.map((stream) => newChildRecord(nextId(), record, stream))
  if (record.children === undefined) return [record]
  const parts = children.map(({ id: jobId, stream = '' }) => ({ stream, jobId }))
  return [{ ...record, children: parts }, ...children]
}

/** What is filled in for a new job. It is whole, so that its copies are. */
const blank = wholeRecord({
  version: 1,
  id: '',
  requestId: '',
  phase: 'queued',
  type: 'backup',
  origin: 'scheduled',
  client: '',
  priority: 0,
  submittedAt: 0,
  attempt: { number: 1, startedAt: 0, firstLine: 1 },
  tries: [],
  queueings: 1,
  mediaRequests: noRows,
  sessionHoldings: noRows,
})

/** The record of a backup that has just been asked for; with streams it is their parent's, without their ids. */
export function newBackupRecord(id: string, input: BackupJobRequest, now: number): JobRecord {
  const {
    policy,
    schedule,
    streams,
    selections,
    streamSet,
    retentionMs,
    copyRetentionMs,
    windowClosesAt,
    retry,
  } = input
  const isParent = streams !== undefined && streams.length > 0
  return {
    ...blank,
    id,
    requestId: input.requestId,
    phase: isParent ? 'parent' : 'queued',
    type: input.type,
    origin: input.origin,
    client: input.client,
    priority: policy.priority ?? 0,
    submittedAt: now,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: schedule.type,
    attempt: { number: 1, startedAt: now, firstLine: 1 },
    backup: { policy: forRecord(policy), schedule, limits: input.limits },
    children: isParent ? [] : undefined,
    childEnds: isParent ? {} : undefined,
    selections,
    streamSet,
    retentionMs,
    copyRetentionMs,
    windowClosesAt,
    retry,
  }
}

/** The record of one stream of a parent. */
export function newChildRecord(
  id: string,
  parent: JobRecord,
  { name, selections, retry = parent.retry }: JobStream,
): JobRecord {
  return {
    ...parent,
    id,
    requestId: `${parent.requestId}/${name}`,
    phase: 'queued',
    parentId: parent.id,
    stream: name,
    selections,
    retry,
    children: undefined,
    childEnds: undefined,
  }
}

/** The record of a job that a worker carries out. */
export function newWorkRecord(id: string, input: WorkJobRequest, now: number): JobRecord {
  const { requestId, type, origin, client = '-', policy, priority = 0, need, parameters = {}, retry } = input
  return {
    ...blank,
    id,
    requestId,
    phase: 'queued',
    type,
    origin,
    client,
    priority,
    submittedAt: now,
    attempt: { number: 1, startedAt: now, firstLine: 1 },
    work: { parameters, ...(need === undefined ? {} : { need }) },
    policy,
    retry,
  }
}

/** The record of a job whose flow is run by someone else; it is active from the start. */
export function newRegisteredRecord(id: string, input: RegisteredJobRequest, now: number): JobRecord {
  return {
    ...blank,
    id,
    requestId: input.requestId,
    phase: 'registered',
    type: input.type,
    origin: input.origin,
    client: input.client,
    priority: input.priority ?? (input.type === 'restore' ? 90_000 : 0),
    submittedAt: now,
    activeAt: now,
    attempt: { number: 1, startedAt: now, firstLine: 1 },
    policy: input.policy,
    backupId: input.backupId,
  }
}

const shortened = new WeakMap<Policy, Policy>()

/** The policy without its clients and schedules, which no job needs and which may be thousands. */
function forRecord(policy: Policy): Policy {
  const known = shortened.get(policy) ?? { ...policy, clients: [], schedules: [] }
  shortened.set(policy, known)
  return known
}
