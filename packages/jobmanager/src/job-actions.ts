import type { JobAction } from '@nb/contracts'
import { type JobRecord, isBackupRecord } from './job-record.ts'

const all: readonly JobAction[] = ['cancel', 'suspend', 'resume', 'restart', 'set-priority']

/** A job, in whatever it is kept. */
interface Kept {
  readonly record: JobRecord
}

/** Why an action is not possible, told of a record. Lists ask whether there is such a reason many times for one text. */
type Reason = (record: JobRecord) => string

/** What may be done with a job now. For a parent, whose parts are given: what may be done with one of them. */
export function actionsOf(record: JobRecord, children: readonly Kept[] = noParts): readonly JobAction[] {
  let possible = 0
  for (let at = 0; at < all.length; at++)
    if (isPossible(record, all[at] as JobAction, children)) possible |= 1 << at
  return (sets[possible] ??= all.filter((_, at) => (possible & (1 << at)) !== 0))
}

const noParts: readonly Kept[] = []
/** The few sets of actions that there are, by the bits of their places: every view of a job tells one. */
const sets: (readonly JobAction[] | undefined)[] = []

function isPossible(record: JobRecord, action: JobAction, children: readonly Kept[]): boolean {
  return isForParts(record, action)
    ? children.some((child) => reasonAgainst(child.record, action) === undefined)
    : reasonAgainst(record, action) === undefined
}

/** Why an action is not possible now, as the end of "job N …"; `undefined` when it is. */
export function refusalOf(
  record: JobRecord,
  action: JobAction,
  children: readonly JobRecord[] = [],
): string | undefined {
  if (!isForParts(record, action)) return reasonAgainst(record, action)?.(record)
  const reasons = children.map((child) => reasonAgainst(child, action)?.(child))
  if (reasons.includes(undefined)) return undefined
  return reasons.length === 0
    ? 'has no parts left that are not done'
    : `has no part for which that is possible; job ${children[0]?.id ?? '-'} ${reasons[0] ?? ''}`
}

/** A parent is suspended and resumed in its parts. */
function isForParts({ phase }: JobRecord, action: JobAction): boolean {
  return phase === 'parent' && (action === 'suspend' || action === 'resume')
}

/** The one table of what is possible, for a job that has no parts to look at. */
function reasonAgainst(record: JobRecord, action: JobAction): Reason | undefined {
  const { phase } = record
  if (action === 'restart') return againstRestart(record)
  if (phase === 'ended' || phase === 'final') return isDone
  switch (action) {
    case 'cancel':
      return record.cancel === undefined ? undefined : isCancelled
    case 'set-priority':
      return undefined
    case 'suspend':
      return againstSuspend(record)
    case 'resume':
      return againstResume(record)
  }
}

const isDone: Reason = () => 'is done'
const isCancelled: Reason = () => 'is being cancelled'

function againstSuspend(record: JobRecord): Reason | undefined {
  if (record.cancel !== undefined) return isCancelled
  if (record.suspend !== undefined) return isBeingSuspended
  switch (record.phase) {
    case 'queued':
    case 'waiting-for-retry':
      return undefined
    case 'suspended':
    case 'incomplete':
      return isSoAlready
    case 'registered':
      return isNotSuspended
    case 'resting':
      return isEndingItsTry
    default:
      break
  }
  if (!isBackupRecord(record)) return isActiveWork
  return record.checkpoint === undefined ? hasNoCheckpoint : undefined
}

const isBeingSuspended: Reason = () => 'is being suspended'
const isSoAlready: Reason = ({ phase }) => `is ${phase} already`
const isNotSuspended: Reason = ({ type }) =>
  `is a ${type} job, which can't be suspended while it runs: cancel it`
const isEndingItsTry: Reason = () => 'is just ending its try: ask again in a moment'
const isActiveWork: Reason = ({ type }) => `is an active ${type} job, which can't be suspended: cancel it`

const hasNoCheckpoint: Reason = ({ backup, type }) => {
  const intervalMs = checkpointInterval({ type, policy: backup?.policy, schedule: backup?.schedule })
  const hint =
    intervalMs === undefined
      ? 'it takes none: cancel it'
      : `one is taken every ${Math.round(intervalMs / 1000)} s: suspend it after that, or cancel it`
  return `is active and has no checkpoint yet to go on from; ${hint}`
}

function againstResume({ cancel, phase }: JobRecord): Reason | undefined {
  if (cancel !== undefined) return isCancelled
  return phase === 'suspended' || phase === 'incomplete' ? undefined : isNotHeld
}

const isNotHeld: Reason = ({ phase }) =>
  `is ${phase === 'queued' || phase === 'waiting-for-retry' ? phase : 'active'}: only a suspended or incomplete job is resumed`

function againstRestart({ phase, type, policy, work, schedule }: JobRecord): Reason | undefined {
  if (phase !== 'final') return isNotDone
  if (work !== undefined || schedule !== undefined) return undefined
  if (type !== 'backup' && type !== 'archive') return isAskedForElsewhere
  return policy === undefined ? isForgotten : undefined
}

const isNotDone: Reason = () => 'is not done: only a job that is done is started again'
const isAskedForElsewhere: Reason = ({ type }) => `is a ${type} job: ask again where it was asked for`
const isForgotten: Reason = () => 'does not tell what it was asked for'

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
