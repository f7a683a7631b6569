import type { PlannedRun, PolicyClientTask } from '@nb/contracts'
import { type AttemptLimits, isDecided, isSuccess, stopped, withinPeriod } from './attempts.ts'
import { dayMs } from './days.ts'
import { whyBlocked } from './stream-plan.ts'
import type { StreamState, TaskRun } from './task-store.ts'

/** What is known of a stream at a moment. */
export interface StreamFacts {
  readonly isActive: boolean
  readonly state: StreamState | undefined
  /** The job that runs. */
  readonly jobId: string | undefined
  readonly next: PlannedRun | undefined
  /** Why nothing can be decided or asked for now. */
  readonly trouble: string | undefined
  /** Why nothing will start by itself, where that is known. */
  readonly never: string | undefined
}

/** A stream as lists show it. */
export function describeStream(
  names: Pick<PolicyClientTask, 'policy' | 'client' | 'stream'>,
  { isActive, state, jobId, next, trouble, never }: StreamFacts,
  now: number,
  attempts: AttemptLimits,
): PolicyClientTask {
  const inactive = isActive ? undefined : 'the policy is not active'
  const blocked = trouble ?? whyBlocked(state, now, attempts)
  const waiting = inactive !== undefined ? 'inactive' : blocked !== undefined ? 'blocked' : 'waiting'
  const reason = jobId === undefined ? (inactive ?? blocked ?? never) : undefined
  return {
    ...names,
    state: jobId === undefined ? waiting : 'running',
    ...(next === undefined ? {} : { next }),
    ...(jobId === undefined ? {} : { jobId }),
    ...(reason === undefined ? {} : { reason }),
    ...(state?.lastStatus === undefined ? {} : { lastStatus: state.lastStatus }),
  }
}

/**
 * What is remembered of a stream after a run: a success forgets the tries, any other end adds the job's. A person's decision
 * holds until the window closes in which it ran, a day at most.
 */
export function stateAfter(
  before: StreamState | undefined,
  run: Pick<TaskRun, 'startedAt' | 'windowClosesAt'>,
  status: number,
  tries: readonly number[],
  now: number,
  attempts: AttemptLimits,
): StreamState {
  if (isSuccess(status)) return { failures: [], lastStatus: status }
  const counting = withinPeriod(before?.failures ?? [], now, attempts)
  const failures = [...counting, ...tries].sort((a, b) => a - b)
  const isHeld = isDecided(status) && status !== stopped.windowClosed && run.windowClosesAt !== undefined
  const heldUntil = Math.min(run.windowClosesAt ?? 0, run.startedAt + dayMs)
  return { failures, lastStatus: status, ...(isHeld ? { heldUntil } : {}) }
}
