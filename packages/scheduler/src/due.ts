import type { PlannedRun, Policy, Schedule, ScheduleType } from '@nb/contracts'
import { type CalendarMidnight, type DayFacts, dayOfRun, hasCalendar, nextCalendarStart } from './calendar.ts'
import { dayMs } from './days.ts'
import { type Opening, firstStart, isLong, windowAt } from './windows.ts'
import { addDays, wallClock } from './zone-time.ts'

/** When the schedules of a policy last succeeded for a client: schedule name to backup time, milliseconds since the epoch. */
export type LastBackups = Pick<ReadonlyMap<string, number>, 'get'>

/** What {@link nextRun} decides by. */
export interface DueFacts {
  readonly policy: Policy
  readonly client: string
  /** The stream, where the policy has several; `last` is of this stream then. */
  readonly stream?: string
  readonly last: LastBackups
  /** Nothing starts before: the present, or later while a retry must wait. */
  readonly notBefore: number
  /** The zone of the windows. */
  readonly timeZone: string
  /** @default 'one-window' */
  readonly calendarMidnight?: CalendarMidnight
}

const fullness: Readonly<Record<ScheduleType, number>> = {
  full: 3,
  cumulative: 2,
  differential: 1,
  'user-backup': 0,
  'user-archive': 0,
}

/**
 * The schedule that starts next, and when. A frequency schedule is due one frequency after the last comparable success and
 * starts at the first moment of an open window from then on; a calendar schedule starts on its run days. The soonest wins.
 * Several at once: the higher retention level, then the longer frequency, then the fuller kind. `undefined` when no
 * schedule ever starts by itself.
 */
export function nextRun(facts: DueFacts): PlannedRun | undefined {
  const { policy, client, stream } = facts
  if (!policy.active) return undefined
  let best: Start | undefined
  let chosen: Schedule | undefined
  for (const schedule of policy.schedules) {
    if (!startsByItself(schedule)) continue
    const start = hasCalendar(schedule) ? calendarStart(schedule, facts) : frequencyStart(schedule, facts)
    if (start === undefined) continue
    if (best !== undefined && chosen !== undefined && !isBefore(start, schedule, best, chosen)) continue
    best = start
    chosen = schedule
  }
  if (best === undefined || chosen === undefined) return undefined
  const { dueAt, startsAt, closesAt } = best
  const { name: schedule, type: scheduleType } = chosen
  const run = { policy: policy.name, client, schedule, scheduleType, dueAt, startsAt, closesAt }
  return stream === undefined ? run : { ...run, stream }
}

/** Whether the scheduler starts jobs of it without being asked. */
export function startsByItself({ type }: Schedule): boolean {
  return fullness[type] > 0
}

type Start = Opening & { readonly dueAt: number }

function calendarStart(schedule: Schedule, facts: DueFacts): Start | undefined {
  if (!hasCalendar(schedule)) return undefined
  const days = dayFacts(facts)
  let lastDay: number | undefined
  for (const ran of facts.policy.schedules) {
    const at = successFor(schedule, ran, facts.last)
    if (at !== undefined) lastDay = Math.max(lastDay ?? -Infinity, dayOfRun(ran, at, days))
  }
  return nextCalendarStart(schedule, lastDay, facts.notBefore, facts.policy.effectiveAt ?? -Infinity, days)
}

/** One frequency after the last comparable success; at once (0) when there was none. */
function frequencyStart(schedule: Schedule, facts: DueFacts): Start | undefined {
  let dueAt = facts.policy.effectiveAt ?? 0
  for (const ran of facts.policy.schedules) {
    const at = successFor(schedule, ran, facts.last)
    if (at !== undefined) dueAt = Math.max(dueAt, dueAfter(schedule, ran, at, facts.timeZone))
  }
  const opening = firstStart(schedule, facts.timeZone, Math.max(dueAt, facts.notBefore))
  if (opening === undefined) return undefined
  const { opensAt, closesAt, startsAt } = opening
  return { opensAt, closesAt, startsAt, dueAt }
}

function dayFacts({ timeZone, calendarMidnight = 'one-window' }: DueFacts): DayFacts {
  return { timeZone, calendarMidnight }
}

/** When another schedule last succeeded, if that counts for this one. */
function successFor(schedule: Schedule, ran: Schedule, last: LastBackups): number | undefined {
  const at = last.get(ran.name)
  return at !== undefined && isComparable(schedule, ran) ? at : undefined
}

/**
 * Which successes count for a schedule, at the same or a longer frequency: fulls for a full, fulls and cumulatives for a
 * cumulative, all kinds for a differential. So Sunday's full satisfies Sunday's incremental.
 */
function isComparable(schedule: Schedule, other: Schedule): boolean {
  if (other.name === schedule.name) return true
  return frequencyOf(other) >= frequencyOf(schedule) && fullness[other.type] >= fullness[schedule.type]
}

/** The frequency by which schedules are compared; the calendar's counts as a day. */
function frequencyOf({ frequencyMs, calendar }: Schedule): number {
  return calendar === undefined ? (frequencyMs ?? dayMs) : dayMs
}

function isBefore(start: Start, schedule: Schedule, other: Start, otherSchedule: Schedule): boolean {
  if (start.startsAt !== other.startsAt) return start.startsAt < other.startsAt
  if (schedule.retentionLevel !== otherSchedule.retentionLevel) {
    return schedule.retentionLevel > otherSchedule.retentionLevel
  }
  const frequency = frequencyOf(schedule)
  const otherFrequency = frequencyOf(otherSchedule)
  if (frequency !== otherFrequency) return frequency > otherFrequency
  return fullness[schedule.type] > fullness[otherSchedule.type]
}

/**
 * A frequency of whole days means the same time of day that many days later, counted from the wall-clock time at which the
 * window opens in which the last one started, so that starts don't creep, not even over a daylight-saving change; a run
 * outside its window (by hand), or in a window longer than a day, counts from its own time. Any other frequency is elapsed time.
 */
function dueAfter(schedule: Schedule, ran: Schedule, at: number, timeZone: string): number {
  const frequencyMs = frequencyOf(schedule)
  if (frequencyMs % dayMs !== 0) return at + frequencyMs
  const days = frequencyMs / dayMs
  const open = windowAt(ran.windows, timeZone, at)
  return open === undefined || isLong(open.window)
    ? addDays(at, days, timeZone)
    : wallClock(open.day + days, open.window.startSeconds, timeZone)
}
