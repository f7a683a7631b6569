import { type BackupJobRequest, NbError } from '@nb/contracts'

/** Rejects a Job Start that can't become a job with `argument-invalid`, naming the field, or `not-supported`. */
export function checkBackupRequest(input: BackupJobRequest): void {
  const { requestId, type, policy, schedule, client } = input
  const fields: readonly (readonly [field: string, valid: boolean, allowed: string])[] = [
    ['requestId', typeof requestId === 'string' && requestId.length > 0, 'must not be empty'],
    ['type', type === 'backup', 'must be backup'],
    ['client', typeof client === 'string' && client.length > 0, 'must not be empty'],
    ['policy.name', policy.name.length > 0, 'must not be empty'],
    ['policy.selections', policy.selections.length > 0, 'must name at least one path'],
    ['policy.priority', isPriority(policy.priority ?? 0), 'must be 0–99999'],
    ['schedule.name', schedule.name.length > 0, 'must not be empty'],
    [
      'schedule.retentionLevel',
      Number.isInteger(schedule.retentionLevel) &&
        schedule.retentionLevel >= 0 &&
        schedule.retentionLevel <= 100,
      'must be 0–100',
    ],
  ]
  for (const [field, valid, allowed] of fields) {
    if (!valid) throw new NbError('argument-invalid', `${field} ${allowed}`, { details: { field } })
  }
  if (schedule.type === 'user-archive') {
    throw new NbError('not-supported', 'archives, which remove what they saved, are not supported', {
      details: { field: 'schedule.type' },
    })
  }
}

function isPriority(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 99_999
}
