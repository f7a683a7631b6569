import { type JobLogLine, describeStatus } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'
import type { JobChange } from './transitions.ts'

/** The job store's own line when a job is put on the list: step 2 of a backup, 3 of a restore. */
export function createdLine(record: JobRecord): JobLogLine {
  const { id, type, submittedAt } = record
  if (type === 'backup')
    return ownLine(submittedAt, `job ${id} is on the list and recorded: queued`, 'backup', 2)
  const text = `${type} job ${id} is registered: active`
  return type === 'restore' ? ownLine(submittedAt, text, 'restore', 3) : ownLine(submittedAt, text)
}

/** The job store's own line when a job is done (step 14 of a backup), or when that ending was not true. */
export function endedLine(record: JobRecord, change: JobChange, now: number): readonly JobLogLine[] {
  if (change.kind !== 'ended' && change.kind !== 'amended') return []
  const status = record.ending?.status ?? 0
  const severity = status > 1 ? 'error' : status === 1 ? 'warning' : 'info'
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
  const text = `job ${record.id} is done with status ${told}`
  const line =
    record.type === 'backup' ? ownLine(now, `session ended; ${text}`, 'backup', 14) : ownLine(now, text)
  return [{ ...line, severity, data: { status } }]
}

function ownLine(time: number, text: string, flow?: 'backup' | 'restore', number?: number): JobLogLine {
  const line: JobLogLine = { time, component: 'job-store', severity: 'info', text }
  return flow === undefined || number === undefined ? line : { ...line, step: { flow, number } }
}
