import type { PlannedRun, Policy, PolicyClientTask } from '@nb/contracts'
import { type AttemptLimits, nextTryAt, withinPeriod } from './attempts.ts'
import type { CalendarMidnight } from './calendar.ts'
import { nextRun } from './due.ts'
import type { KnownBackups } from './last-backups.ts'
import type { ClientStream } from './streams.ts'
import type { StreamState } from './task-store.ts'

/** What a stream does next, and by what that was decided. Times are milliseconds since the epoch. */
export interface StreamPlan {
  readonly stream: ClientStream
  readonly next?: PlannedRun
  /** When an image expires that the plan rests on. */
  readonly expiresAt: number
}

/** What plans are made by, the same for all streams of a client. */
export interface PlanFacts {
  readonly policy: Policy
  readonly client: string
  readonly now: number
  /** Nothing starts before, because the policy was just changed. */
  readonly quietUntil: number
  readonly timeZone: string
  readonly calendarMidnight: CalendarMidnight
  readonly attempts: AttemptLimits
}

/** Plans a stream by its last backups. */
export function planStream(
  stream: ClientStream,
  state: StreamState | undefined,
  { last, expiresAt }: KnownBackups,
  facts: PlanFacts,
): StreamPlan {
  const { policy, client, now, quietUntil, timeZone, calendarMidnight, attempts } = facts
  const notBefore = Math.max(now, quietUntil, allowedAt(state, now, attempts))
  const due = { policy, client, last, notBefore, timeZone, calendarMidnight }
  const next = nextRun(stream.name === undefined ? due : { ...due, stream: stream.name })
  return next === undefined ? { stream, expiresAt } : { stream, expiresAt, next }
}

function allowedAt(state: StreamState | undefined, now: number, attempts: AttemptLimits): number {
  if (state === undefined || (state.failures.length === 0 && state.heldUntil === undefined)) return 0
  return Math.max(state.heldUntil ?? 0, nextTryAt(withinPeriod(state.failures, now, attempts), attempts))
}

/** Why a stream may not start although it is due, or `undefined` when it may. */
export function whyBlocked(
  state: StreamState | undefined,
  now: number,
  attempts: AttemptLimits,
): PolicyClientTask['reason'] {
  if (state === undefined) return undefined
  const iso = (at: number): string => new Date(at).toISOString()
  if ((state.heldUntil ?? 0) > now) {
    return `ended by an administrator with ${state.lastStatus}; not started again before ${iso(state.heldUntil ?? 0)}`
  }
  const counting = withinPeriod(state.failures, now, attempts)
  const at = nextTryAt(counting, attempts)
  if (counting.length < attempts.tries || at <= now) return undefined
  const hours = attempts.periodMs / 3_600_000
  return `${counting.length} of ${attempts.tries} tries in ${hours} hours are used; the next is allowed at ${iso(at)}`
}
