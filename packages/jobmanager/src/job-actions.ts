import type { JobAction } from '@nb/contracts'
import { type JobRecord, isBackupRecord } from './job-record.ts'

const all: readonly JobAction[] = ['cancel', 'suspend', 'resume', 'restart', 'set-priority']

/** What may be done with a job now. For a parent, whose parts are given: what may be done with one of them. */
export function actionsOf(record: JobRecord, children: readonly JobRecord[] = []): readonly JobAction[] {
  return all.filter((action) => refusalOf(record, action, children) === undefined)
}

/** Why an action is not possible now, as the end of "job N …"; `undefined` when it is. */
export function refusalOf(
  record: JobRecord,
  action: JobAction,
  children: readonly JobRecord[] = [],
): string | undefined {
  const { phase } = record
  if (action === 'restart') return restartRefusal(record)
  if (phase === 'ended' || phase === 'final') return 'is done'
  switch (action) {
    case 'cancel':
      return record.cancel === undefined ? undefined : 'is being cancelled'
    case 'set-priority':
      return undefined
    case 'suspend':
      return phase === 'parent' ? ofChildren(action, children) : suspendRefusal(record)
    case 'resume':
      return phase === 'parent' ? ofChildren(action, children) : resumeRefusal(record)
  }
}

function ofChildren(action: JobAction, children: readonly JobRecord[]): string | undefined {
  const reasons = children.map((child) => refusalOf(child, action))
  if (reasons.includes(undefined)) return undefined
  return reasons.length === 0
    ? 'has no parts left that are not done'
    : `has no part for which that is possible; job ${children[0]?.id ?? '-'} ${reasons[0] ?? ''}`
}

function suspendRefusal(record: JobRecord): string | undefined {
  if (record.cancel !== undefined) return 'is being cancelled'
  if (record.suspend !== undefined) return 'is being suspended'
  switch (record.phase) {
    case 'queued':
    case 'waiting-for-retry':
      return undefined
    case 'suspended':
    case 'incomplete':
      return `is ${record.phase} already`
    case 'registered':
      return `is a ${record.type} job, which can't be suspended while it runs: cancel it`
    case 'resting':
      return 'is just ending its try: ask again in a moment'
    default:
      break
  }
  if (!isBackupRecord(record)) return `is an active ${record.type} job, which can't be suspended: cancel it`
  if (record.checkpoint !== undefined) return undefined
  return noCheckpoint(record)
}

function noCheckpoint({ backup, type }: JobRecord): string {
  const intervalMs = checkpointInterval({ type, policy: backup?.policy, schedule: backup?.schedule })
  const hint =
    intervalMs === undefined
      ? 'it takes none: cancel it'
      : `one is taken every ${Math.round(intervalMs / 1000)} s: suspend it after that, or cancel it`
  return `is active and has no checkpoint yet to go on from; ${hint}`
}

/** Milliseconds between checkpoints of a backup, or `undefined` for one that takes none: by its policy, or because it is an archive. */
export function checkpointInterval({
  type,
  policy,
  schedule,
}: {
  readonly type: JobRecord['type']
  readonly policy: { readonly checkpointIntervalMs?: number } | undefined
  readonly schedule: { readonly type: string } | undefined
}): number | undefined {
  if (type === 'archive' || schedule?.type === 'user-archive') return undefined
  const intervalMs = policy?.checkpointIntervalMs ?? 900_000
  return intervalMs > 0 ? intervalMs : undefined
}

function resumeRefusal(record: JobRecord): string | undefined {
  if (record.cancel !== undefined) return 'is being cancelled'
  const { phase } = record
  if (phase === 'suspended' || phase === 'incomplete') return undefined
  return `is ${phase === 'queued' || phase === 'waiting-for-retry' ? phase : 'active'}: only a suspended or incomplete job is resumed`
}

function restartRefusal({ phase, type, policy, work, schedule }: JobRecord): string | undefined {
  if (phase !== 'final') return 'is not done: only a job that is done is started again'
  if (work !== undefined || schedule !== undefined) return undefined
  if (type !== 'backup' && type !== 'archive') return `is a ${type} job: ask again where it was asked for`
  return policy === undefined ? 'does not tell what it was asked for' : undefined
}
