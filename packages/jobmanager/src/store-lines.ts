import { type JobLogLine, describeStatus } from '@nb/contracts'
import { severityOf } from './flow-lines.ts'
import { type JobRecord, isBackupRecord } from './job-record.ts'
import type { JobChange } from './transitions.ts'

/** The job store's own line when a job is put on the list: step 2 of a backup, 3 of a restore. */
export function createdLine(record: JobRecord): JobLogLine {
  const { id, type, submittedAt, children, stream, parentId, work } = record
  if (children !== undefined) {
    const parts = children.map((child) => `job ${child.jobId} for stream ${child.stream}`).join(', ')
    return ownLine(submittedAt, `job ${id} is on the list and recorded: parent of ${parts}`, 'backup', 2)
  }
  if (isBackupRecord(record)) {
    const part = parentId === undefined ? '' : `, stream ${stream ?? '-'} of job ${parentId}`
    return ownLine(submittedAt, `job ${id} is on the list and recorded${part}: queued`, 'backup', 2)
  }
  if (work !== undefined) return ownLine(submittedAt, `${type} job ${id} is on the list: queued`)
  const text = `${type} job ${id} is registered: active`
  return type === 'restore' ? ownLine(submittedAt, text, 'restore', 3) : ownLine(submittedAt, text)
}

/** The job store's own line when a job is done (step 14 of a backup), or when that ending was not true. */
export function endedLine(record: JobRecord, change: JobChange, now: number): readonly JobLogLine[] {
  const { ending, type } = record
  if (change.kind === 'removed') return removedLine(record.id, ending?.status ?? 0, now)
  if (change.kind !== 'ended' && change.kind !== 'amended') return []
  const status = ending?.status ?? 0
  const severity = severityOf(status)
  const told = `${describeStatus(status)}`
  if (change.kind === 'amended') {
    return [
      {
        ...ownLine(now, `job ${record.id}: the ending status is amended to ${told}`),
        severity,
        data: { status },
      },
    ]
  }
  // An archive is done when its files are taken off the client.
  const saved = type === 'archive' && ending?.completion !== undefined
  const text = saved
    ? `job ${record.id} has saved all it could with status ${told}`
    : `job ${record.id} is done with status ${told}`
  const line = isBackupRecord(record)
    ? ownLine(now, `session ended; ${text}`, 'backup', 14)
    : ownLine(now, text)
  return [{ ...line, severity, data: { status } }]
}

function removedLine(id: string, status: number, now: number): readonly JobLogLine[] {
  const severity = status > 0 ? 'warning' : 'info'
  const text = `job ${id} is done with status ${describeStatus(status)}`
  return [{ ...ownLine(now, text), severity, data: { status } }]
}

function ownLine(time: number, text: string, flow?: 'backup' | 'restore', number?: number): JobLogLine {
  const line: JobLogLine = { time, component: 'job-store', severity: 'info', text }
  return flow === undefined || number === undefined ? line : { ...line, step: { flow, number } }
}
