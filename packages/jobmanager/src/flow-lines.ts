import {
  type CopyInBackup,
  type FlowStep,
  type FurtherNeed,
  type ImageRecord,
  type JobLogLine,
  type JobProgress,
  type MediaNeed,
  type ResourceRequest,
  type ScheduleCopy,
  type SessionReport,
  NbError,
  counted,
  describeStatus,
  retentionPeriodMs,
} from '@nb/contracts'
import { noRoom } from './expected-bytes.ts'
import type { Ending, JobRecord } from './job-record.ts'

/**
 * The resource request of a job's present try: what it needs, and the limits that came with it (step 3). A try that goes
 * on from a checkpoint needs the storage unit on which its image lies.
 */
export function resourceRequest(record: JobRecord): ResourceRequest {
  const { id, type, priority, client, policy, attempt, queueings, submittedAt } = record
  const need = record.work?.need ?? backupNeed(record)
  const request: Draft = {
    requestId: queueings === 1 ? `job-${id}` : `job-${id}.${queueings}`,
    jobId: id,
    jobType: type,
    priority,
    queuedAt: attempt.number === 1 ? submittedAt : attempt.startedAt,
    client,
    limits: record.backup?.limits ?? {},
    need,
  }
  if (policy !== undefined) request.policy = policy
  return request
}

type Draft = { -readonly [Field in keyof ResourceRequest]: ResourceRequest[Field] }

/** What a backup needs to write to, for all its copies; the same before its grant and after. */
export function backupNeed(record: JobRecord): MediaNeed {
  const { multiplexing } = scheduleOf(record).schedule
  const [first, ...further] = copyNeeds(record)
  if (first === undefined) throw new NbError('internal', `job ${record.id} has no copy to write`)
  return {
    kind: 'write',
    ...first,
    ...(multiplexing === undefined ? {} : { multiplexing }),
    ...(further.length === 0 ? {} : { further }),
  }
}

/** Where each copy may go; one that goes on from a checkpoint, where it lies. */
function copyNeeds(record: JobRecord): readonly FurtherNeed[] {
  const { checkpoint, storageUnit } = record
  const { policy, schedule } = scheduleOf(record)
  const copies: readonly ScheduleCopy[] = schedule.copies ?? onlyCopy
  const needOf = (copy: ScheduleCopy, place: string | undefined): FurtherNeed => ({
    storage:
      place === undefined
        ? (copy.storage ?? schedule.storage ?? policy.storage)
        : { kind: 'unit', name: place },
    volumePool: copy.volumePool ?? schedule.volumePool ?? policy.volumePool ?? 'NetBackup',
    retentionLevel: copy.retentionLevel ?? schedule.retentionLevel,
  })
  if (checkpoint === undefined) return copies.map((copy) => needOf(copy, undefined))
  if (checkpoint.copies.length === 0) return [needOf(copies[0] ?? {}, storageUnit)]
  return checkpoint.copies.map(({ copy, storageUnit: place }) => needOf(copies[copy - 1] ?? {}, place))
}

const onlyCopy: readonly ScheduleCopy[] = [{}]

function scheduleOf({ id, backup }: JobRecord): NonNullable<JobRecord['backup']> {
  if (backup === undefined) throw new NbError('internal', `job ${id} has no policy to request resources by`)
  return backup
}

/**
 * The copies of a backup that writes several, each with its own expiration as of `now`; nothing for one copy. `undefined` as an expiration is
 * for ever, which none of the copies of a shorter-lived image can be.
 */
export function copiesInBackup(record: JobRecord, now: number): readonly CopyInBackup[] | undefined {
  const { schedule } = scheduleOf(record)
  return schedule.copies?.map(({ onFailure = 'failAllCopies' }, index) => {
    const keptMs = copyRetentionMs(record, index)
    return { copy: index + 1, onFailure, ...(keptMs === null ? {} : { expiresAt: now + keptMs }) }
  })
}

/** How long a copy is kept, milliseconds; `null` is for ever. */
function copyRetentionMs(record: JobRecord, index: number): number | null {
  const { schedule } = scheduleOf(record)
  const told = record.copyRetentionMs?.[index]
  if (told !== undefined) return told
  const level = schedule.copies?.[index]?.retentionLevel ?? schedule.retentionLevel
  if (level === schedule.retentionLevel && record.retentionMs !== undefined) return record.retentionMs
  return retentionPeriodMs(level) ?? null
}

/** The retention level of a copy, by its number. */
export function copyRetentionLevel(record: JobRecord, copy: number): number {
  const { schedule } = scheduleOf(record)
  return schedule.copies?.[copy - 1]?.retentionLevel ?? schedule.retentionLevel
}

/** How long the image is kept: as long as the longest kept of its copies. */
export function imageRetentionMs(record: JobRecord): number | null {
  const { schedule } = scheduleOf(record)
  if (schedule.copies === undefined)
    return record.retentionMs === undefined
      ? (retentionPeriodMs(schedule.retentionLevel) ?? null)
      : record.retentionMs
  const kept = schedule.copies.map((_, index) => copyRetentionMs(record, index))
  return kept.includes(null) ? null : Math.max(...kept.map((each) => each ?? 0))
}

/** Step 3 for a person: what is asked for, within which limits. */
export function describeRequest({ need, limits, policy, client }: ResourceRequest): string {
  if (need.kind === 'write' && need.replaces !== undefined)
    return `requesting resource: the next volume of pool ${need.volumePool}, for the image to go on`
  const further = need.kind === 'write' ? (need.further ?? []) : []
  const wanted =
    need.kind === 'read'
      ? `${need.volumeId === undefined ? '' : `volume ${need.volumeId} of `}storage unit ${need.storageUnit} to read`
      : need.storage.kind === 'any'
        ? 'any storage unit'
        : `storage ${need.storage.kind} ${need.storage.name}`
  const told = [
    limits.maxJobsPerPolicy === undefined
      ? undefined
      : `max jobs of policy ${policy ?? '-'} ${limits.maxJobsPerPolicy}`,
    limits.maxJobsPerClient === undefined ? undefined : `max jobs per client ${limits.maxJobsPerClient}`,
    limits.maxJobsThisClient === undefined
      ? undefined
      : `max jobs of client ${client} ${limits.maxJobsThisClient}`,
  ].filter((text) => text !== undefined)
  const copies = further.map(({ storage }) =>
    storage.kind === 'any' ? 'any storage unit' : `storage ${storage.kind} ${storage.name}`,
  )
  return `requesting resource: ${[wanted, ...copies].join(' and ')}; limits: ${told.length === 0 ? 'none' : told.join(', ')}`
}

/** Step 7 for a person. */
export function describeStart(mediaServer: string, { backupId }: ImageRecord): string {
  return `connecting: starting a backup session on media server ${mediaServer} for image ${backupId}`
}

/** Which step of the backup flow a line tells. */
export function backupStep(number: number): { readonly step: FlowStep } {
  return { step: { flow: 'backup', number } }
}

/** How a session's report ends its job. A success without an image to complete is none. */
export function endingOfReport(report: SessionReport): Ending {
  const { status, statusText, warnings, written } = report
  if (status !== 0 && status !== 1) return { status, statusText, warnings }
  if (written === undefined) {
    const text = `session ${report.sessionId} reported status ${status} and no image`
    return { status: 229, statusText: text, warnings }
  }
  return { status, statusText, warnings, completion: { status, ...written } }
}

/** How an error ends its job. */
export function endingOfError(error: NbError): Ending {
  return { status: error.status, statusText: error.message, warnings: 0 }
}

/**
 * What a finished session's numbers say of the job's progress. Of one that failed nothing is kept that a backup could count; where it
 * found no room, what was told before stays, since the next try looks for more.
 */
export function finalProgress(report: SessionReport): Partial<JobProgress> {
  const { written, restored, waitedForFullBuffer, waitedForEmptyBuffer } = report
  const waits = { waitedForFullBuffer, waitedForEmptyBuffer }
  if (written !== undefined)
    return { files: written.counts.storedEntries, bytes: written.counts.bytes, ...waits }
  if (restored !== undefined) return { files: restored.entries, bytes: restored.bytes, ...waits }
  return report.kind === 'backup' && report.status !== noRoom ? { files: 0, bytes: 0, ...waits } : waits
}

/** Ends that somebody wanted: cancelled, suspended. */
const wanted: readonly number[] = [150, 157]

/** How grave the end of a job, or of a session, is in its log: what somebody wanted is no error. */
export function severityOf(status: number): JobLogLine['severity'] {
  if (status === 0) return 'info'
  return status === 1 || wanted.includes(status) ? 'warning' : 'error'
}

/** The session's end, with its wait counters, as the field's job details tell it. */
export function describeReport(report: SessionReport): string {
  const { sessionId, status, waitedForFullBuffer, waitedForEmptyBuffer } = report
  return (
    `session ${sessionId} ended with status ${describeStatus(status)}; ` +
    `waited for full buffer ${counted(waitedForFullBuffer, 'time')}, for empty buffer ${counted(waitedForEmptyBuffer, 'time')}`
  )
}

/** Bytes as the field's job details count them, rounded up. */
export function kbytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} kbytes`
}
