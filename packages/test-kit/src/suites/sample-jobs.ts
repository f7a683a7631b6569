import { type BackupJobRequest, type JobLogLine, type Policy, type Schedule, toPath } from '@nb/contracts'

const schedule: Schedule = {
  name: 'full',
  type: 'full',
  frequencyMs: 86_400_000,
  windows: [],
  retentionLevel: 1,
}

const policy: Policy = {
  name: 'daily',
  active: true,
  clients: ['web1'],
  selections: [toPath('/srv')],
  storage: { kind: 'any' },
  schedules: [schedule],
}

/** A line as a component leaves it in a job's log. */
export function sampleLine(text: string, component = 'scheduler'): JobLogLine {
  return { time: Date.UTC(2026, 0, 1), component, severity: 'info', text }
}

/** Job Start for a full backup of client `web1` by policy `daily`, with the line of step 1. */
export function sampleBackupRequest(
  requestId: string,
  changes: Partial<BackupJobRequest> = {},
): BackupJobRequest {
  const due: JobLogLine = { ...sampleLine('due'), step: { flow: 'backup', number: 1 } }
  return {
    requestId,
    type: 'backup',
    origin: 'scheduled',
    policy,
    schedule,
    client: 'web1',
    limits: {},
    lines: [due],
    ...changes,
  }
}
