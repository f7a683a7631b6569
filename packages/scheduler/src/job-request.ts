import {
  type BackupJobRequest,
  type JobLimits,
  type JobLogLine,
  type PlannedRun,
  type Policy,
  type Schedule,
  describeStatus,
} from '@nb/contracts'
import { type AttemptLimits, isSuccess } from './attempts.ts'
import type { RetentionTable } from './retention-table.ts'
import type { TaskRun } from './task-store.ts'

/** What Job Start says beyond what a task noted of its run. */
export interface JobStartFacts {
  readonly policy: Policy
  readonly schedule: Schedule
  readonly client: string
  readonly retryDelayMs: number
  readonly kept: KeptPeriods
  readonly limits: JobLimits
  readonly now: number
  /** Whether anybody keeps the scheduler's lines. */
  readonly isLogged: boolean
}

/** How long an image of a schedule, and each of its copies, is kept, milliseconds; `null` is for ever. */
export type KeptPeriods = Required<Pick<BackupJobRequest, 'retentionMs'>> &
  Pick<BackupJobRequest, 'copyRetentionMs'>

/** How long a schedule's images are kept by the retention table of now. */
export async function keptBy(
  retention: Pick<RetentionTable, 'periodMs'>,
  { retentionLevel, copies }: Schedule,
): Promise<KeptPeriods> {
  const retentionMs = await retention.periodMs(retentionLevel)
  if (copies === undefined) return { retentionMs }
  const copyRetentionMs: (number | null)[] = []
  for (const copy of copies)
    copyRetentionMs.push(await retention.periodMs(copy.retentionLevel ?? retentionLevel))
  return { retentionMs, copyRetentionMs }
}

/** Job Start (step 1) for a run: of one job, or with streams of a parent and a child for each. */
export function jobRequest(run: TaskRun, facts: JobStartFacts): BackupJobRequest {
  const { policy, schedule, client, retryDelayMs, kept, limits } = facts
  const [first] = run.parts
  const request: Draft = {
    requestId: run.requestId,
    type: 'backup',
    origin: run.origin,
    policy,
    schedule,
    client,
    retry: { tries: first?.tries ?? 1, delayMs: retryDelayMs },
    ...kept,
    limits,
    lines: facts.isLogged ? [startLine(run, facts)] : [],
  }
  if (run.windowClosesAt !== undefined) request.windowClosesAt = run.windowClosesAt
  if (run.streamSet === undefined) {
    if (first?.selections !== undefined) request.selections = first.selections
    return request
  }
  request.streamSet = run.streamSet
  request.streams = run.parts.map(({ stream = '', selections = [], tries }) => ({
    name: stream,
    selections,
    retry: { tries, delayMs: retryDelayMs },
  }))
  return request
}

type Draft = { -readonly [Field in keyof BackupJobRequest]: BackupJobRequest[Field] }

/** Step 1 in the job's log. */
function startLine(run: TaskRun, { policy, schedule, client, now }: JobStartFacts): JobLogLine {
  const names = run.parts.map(({ stream }) => stream).join(', ')
  const of = run.streamSet === undefined ? '' : `, streams ${names}`
  const text = `policy ${policy.name}, client ${client}, schedule ${schedule.name} (${schedule.type})${of}: ${run.why}; Job Start`
  return { time: now, component: 'scheduler', severity: 'info', step: { flow: 'backup', number: 1 }, text }
}

/** Step 17 in the job's log: what the task was told, how many tries are used, and what comes next. */
export function endLine(
  now: number,
  status: number,
  used: number,
  { tries }: AttemptLimits,
  next: PlannedRun | undefined,
): JobLogLine {
  const then =
    next === undefined
      ? 'no further run'
      : `next: ${next.schedule} at ${new Date(next.startsAt).toISOString()}`
  const tried = isSuccess(status) ? '' : `${triesUsed(used, tries)}; `
  const text = `told that the job ended with ${describeStatus(status)}; ${tried}${then}`
  return { time: now, component: 'scheduler', severity: 'info', step: { flow: 'backup', number: 17 }, text }
}

/** Tries beyond those allowed are ones that an administrator asked for. */
function triesUsed(used: number, tries: number): string {
  return used > tries ? `${used} tries used, ${tries} are allowed` : `${used} of ${tries} tries used`
}
