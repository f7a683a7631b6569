import type { BackupJobRequest, JobLimits, Policy, Schedule } from '@nb/contracts'
import type { TaskRun } from './task-store.ts'

/** What Job Start says beyond what a task noted of its run. */
export interface JobStartFacts {
  readonly policy: Policy
  readonly schedule: Schedule
  readonly client: string
  readonly retryDelayMs: number
  readonly retentionMs: number | null
  readonly limits: JobLimits
  readonly now: number
}

/** Job Start (step 1) for a run: of one job, or with streams of a parent and a child for each. */
export function jobRequest(run: TaskRun, facts: JobStartFacts): BackupJobRequest {
  const { policy, schedule, client, retryDelayMs, retentionMs, limits, now } = facts
  const [first] = run.parts
  const names = run.parts.map(({ stream }) => stream).join(', ')
  const of = run.streamSet === undefined ? '' : `, streams ${names}`
  const text = `policy ${policy.name}, client ${client}, schedule ${schedule.name} (${schedule.type})${of}: ${run.why}; Job Start`
  return {
    requestId: run.requestId,
    type: 'backup',
    origin: run.origin,
    policy,
    schedule,
    client,
    retry: { tries: first?.tries ?? 1, delayMs: retryDelayMs },
    retentionMs,
    limits,
    lines: [
      { time: now, component: 'scheduler', severity: 'info', step: { flow: 'backup', number: 1 }, text },
    ],
    ...(run.windowClosesAt === undefined ? {} : { windowClosesAt: run.windowClosesAt }),
    ...(run.streamSet === undefined
      ? first?.selections === undefined
        ? {}
        : { selections: first.selections }
      : {
          streamSet: run.streamSet,
          streams: run.parts.map(({ stream = '', selections = [], tries }) => ({
            name: stream,
            selections,
            retry: { tries, delayMs: retryDelayMs },
          })),
        }),
  }
}
