import type { PlannedRun, Policy, Schedule, ScheduleType } from '@nb/contracts'
import { addDays, firstOpening, windowAt } from './windows.ts'

/** When the schedules of a policy last succeeded for a client: schedule name to backup time, milliseconds since the epoch. */
export type LastBackups = ReadonlyMap<string, number>

/** What {@link nextRun} decides by. */
export interface DueFacts {
  readonly policy: Policy
  readonly client: string
  readonly last: LastBackups
  /** Nothing starts before: the present, or later while a retry must wait. */
  readonly notBefore: number
  /** The zone of the windows. */
  readonly timeZone: string
}

const dayMs = 86_400_000
const fullness: Readonly<Record<ScheduleType, number>> = {
  full: 3,
  cumulative: 2,
  differential: 1,
  'user-backup': 0,
  'user-archive': 0,
}

/**
 * The schedule that starts next, and when: each is due one frequency after the last comparable success, starts at the
 * first moment of an open window from then on, and the soonest wins. Several at once: the higher retention level, then the
 * longer frequency, then the fuller kind. `undefined` when no schedule ever starts by itself.
 */
export function nextRun(facts: DueFacts): PlannedRun | undefined {
  const { policy, client } = facts
  if (!policy.active) return undefined
  let best: { readonly run: PlannedRun; readonly schedule: Schedule } | undefined
  for (const schedule of policy.schedules) {
    if (fullness[schedule.type] === 0) continue
    const dueAt = Math.max(dueTime(schedule, facts), policy.effectiveAt ?? 0)
    const opening = firstOpening(schedule.windows, facts.timeZone, Math.max(dueAt, facts.notBefore))
    if (opening === undefined) continue
    const { startsAt } = opening
    const run = {
      policy: policy.name,
      client,
      schedule: schedule.name,
      scheduleType: schedule.type,
      dueAt,
      startsAt,
    }
    if (best === undefined || isBefore(run, schedule, best.run, best.schedule)) best = { run, schedule }
  }
  return best?.run
}

function isBefore(run: PlannedRun, schedule: Schedule, other: PlannedRun, otherSchedule: Schedule): boolean {
  if (run.startsAt !== other.startsAt) return run.startsAt < other.startsAt
  if (schedule.retentionLevel !== otherSchedule.retentionLevel) {
    return schedule.retentionLevel > otherSchedule.retentionLevel
  }
  if (schedule.frequencyMs !== otherSchedule.frequencyMs)
    return schedule.frequencyMs > otherSchedule.frequencyMs
  return fullness[schedule.type] > fullness[otherSchedule.type]
}

/** One frequency after the last comparable success; 0 (at once) when there was none. */
function dueTime(schedule: Schedule, { policy, last, timeZone }: DueFacts): number {
  let due = 0
  for (const other of policy.schedules) {
    if (!comparable(schedule, other)) continue
    const at = last.get(other.name)
    if (at !== undefined) due = Math.max(due, dueAfter(schedule, other, at, timeZone))
  }
  return due
}

/**
 * Which successes count for a schedule, at the same or a longer frequency: fulls for a full, fulls and cumulatives for a
 * cumulative, all kinds for a differential. So Sunday's full satisfies Sunday's incremental.
 */
function comparable(schedule: Schedule, other: Schedule): boolean {
  if (other.name === schedule.name) return true
  return other.frequencyMs >= schedule.frequencyMs && fullness[other.type] >= fullness[schedule.type]
}

/**
 * A frequency of whole days means the same time of day that many days later, counted from the opening of the window in
 * which the last one started, so that starts don't creep; a run outside its window (by hand), or in a window longer than a
 * day, counts from its own time. Any other frequency is elapsed time.
 */
function dueAfter(schedule: Schedule, ran: Schedule, at: number, timeZone: string): number {
  if (schedule.frequencyMs % dayMs !== 0) return at + schedule.frequencyMs
  const window = windowAt(ran.windows, timeZone, at)
  const base = window !== undefined && window.closesAt - window.opensAt <= dayMs ? window.opensAt : at
  return addDays(base, schedule.frequencyMs / dayMs, timeZone)
}
