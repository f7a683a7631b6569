import type { RunCalendar, Schedule } from '@nb/contracts'
import { type DayNumber, dayNumber, isMeant } from './days.ts'
import {
  type OpenWindow,
  type Opening,
  clipToDays,
  firstStart,
  isLong,
  lookBackDays,
  openingsOn,
  ruleHorizonDays,
  windowAt,
} from './windows.ts'
import { localDay } from './zone-time.ts'

/**
 * To which day the hours after midnight belong, of a window of up to a day that a calendar schedule has: `one-window` to the
 * day it opened on, `two-windows` to the day they are on.
 */
export type CalendarMidnight = 'one-window' | 'two-windows'

/** A schedule that has run days. */
export type CalendarSchedule = Schedule & { readonly calendar: RunCalendar }

/** By what days are told apart. */
export interface DayFacts {
  /** The zone of windows and days. */
  readonly timeZone: string
  readonly calendarMidnight: CalendarMidnight
}

/** A day on which a run is wanted, and when it may start; the spans are in order, at least one. */
interface RunDay {
  readonly day: DayNumber
  readonly spans: readonly OpenWindow[]
  readonly opensAt: number
}

/** A run day's windows end within two days of its own midnight. */
const runDayReach = 3

/** Whether a schedule runs by the calendar. */
export function hasCalendar(schedule: Schedule): schedule is CalendarSchedule {
  return schedule.calendar !== undefined
}

/**
 * When a calendar schedule starts next at or after `notBefore`, given the last day that a success counts for.
 *
 * At any time the current run day is the last one whose first window has opened. It is satisfied by a success that counts for it
 * or for a later day; else its run starts in one of its own windows, or, where a run may be made up for, in any window before
 * the next run day begins. A run day that passed before `effectiveAt` is not made up for.
 */
export function nextCalendarStart(
  schedule: CalendarSchedule,
  lastDay: DayNumber | undefined,
  notBefore: number,
  effectiveAt: number,
  facts: DayFacts,
): (Opening & { readonly dueAt: number }) | undefined {
  const from = Math.max(notBefore, effectiveAt)
  const days = runDays(schedule, from, facts)
  let current = days.next().value
  while (current !== undefined) {
    const following = days.next().value
    if (lastDay === undefined || lastDay < current.day) {
      const until = following?.opensAt ?? Infinity
      const opening =
        firstOf(current.spans, from, until) ??
        (schedule.calendar.retryAfterRunDay && current.opensAt >= effectiveAt
          ? madeUp(schedule, Math.max(from, current.opensAt), until, facts)
          : undefined)
      if (opening !== undefined) return { ...opening, dueAt: Math.max(current.opensAt, effectiveAt) }
    }
    current = following
  }
  return undefined
}

/** The day that a success of a schedule counts for: that of the window in which it started, else the day it started on. */
export function dayOfRun(schedule: Schedule, at: number, facts: DayFacts): DayNumber {
  const today = localDay(at, facts.timeZone)
  if (hasCalendar(schedule)) {
    for (let day = today + 1; day >= today - runDayReach; day--) {
      if (!isRunDay(schedule, day)) continue
      if (spansOf(schedule, day, facts).some((span) => span.opensAt <= at && at < span.closesAt)) return day
    }
  }
  if (facts.calendarMidnight === 'two-windows') return today
  const open = windowAt(schedule.windows, facts.timeZone, at)
  return open === undefined || isLong(open.window) ? today : open.day
}

/** The run day that is current at a moment, if it still matters, and those after it. */
function* runDays(schedule: CalendarSchedule, from: number, facts: DayFacts): Generator<RunDay, undefined> {
  const today = localDay(from, facts.timeZone)
  let current: RunDay | undefined
  const past = schedule.calendar.retryAfterRunDay ? ruleHorizonDays : runDayReach
  for (let day = today + 1; day >= today - past; day--) {
    const found = runDay(schedule, day, facts)
    if (found === undefined || found.opensAt > from) continue
    current = found
    break
  }
  if (current !== undefined) yield current
  const dates = schedule.calendar.dates ?? []
  const onlyDates = schedule.calendar.weekdays === undefined && schedule.calendar.daysOfMonth === undefined
  const first = Math.max(today - runDayReach, (current?.day ?? -Infinity) + 1)
  const last = onlyDates ? latest(dates) : Math.max(today + ruleHorizonDays, latest(dates))
  for (let day = first; day <= last; day++) {
    const found = runDay(schedule, day, facts)
    if (found !== undefined) yield found
  }
  return undefined
}

function latest(dates: readonly string[]): DayNumber {
  return dates.reduce((most, date) => Math.max(most, dayNumber(date) ?? most), -Infinity)
}

function isRunDay(schedule: CalendarSchedule, day: DayNumber): boolean {
  return (
    isMeant(schedule.calendar, day) && (schedule.exclude === undefined || !isMeant(schedule.exclude, day))
  )
}

function runDay(schedule: CalendarSchedule, day: DayNumber, facts: DayFacts): RunDay | undefined {
  if (!isRunDay(schedule, day)) return undefined
  const spans = spansOf(schedule, day, facts)
  const [first] = spans
  return first === undefined ? undefined : { day, spans, opensAt: first.opensAt }
}

/**
 * The spans of a run day. With `one-window` a window of up to a day belongs whole to the day it opens on; a day on which
 * none opens gets what is left after its midnight of the one before. Longer windows count day by day, and with
 * `two-windows` all do.
 */
function spansOf(schedule: CalendarSchedule, day: DayNumber, facts: DayFacts): OpenWindow[] {
  const { timeZone: zone, calendarMidnight } = facts
  const { windows, exclude } = schedule
  const isExcluded = (each: DayNumber): boolean => exclude !== undefined && isMeant(exclude, each)
  const spans: OpenWindow[] = []
  const fromBefore: OpenWindow[] = []
  for (let opensOn = day - lookBackDays(windows, zone); opensOn <= day; opensOn++) {
    for (const opening of openingsOn(windows, zone, opensOn)) {
      const today = clipToDays(opening, zone, day, day)
      if (calendarMidnight === 'two-windows' || isLong(opening.window)) {
        if (today !== undefined) spans.push(today)
      } else if (opensOn === day) {
        const isCut = isExcluded(day + 1)
        const span = isCut ? clipToDays(opening, zone, day, day) : opening
        if (span !== undefined) spans.push({ opensAt: span.opensAt, closesAt: span.closesAt })
      } else if (today !== undefined && !isExcluded(opensOn)) fromBefore.push(today)
    }
  }
  const found = spans.length > 0 ? spans : fromBefore
  return found.sort((a, b) => a.opensAt - b.opensAt || b.closesAt - a.closesAt)
}

function firstOf(spans: readonly OpenWindow[], from: number, until: number): Opening | undefined {
  for (const span of spans) {
    const startsAt = Math.max(span.opensAt, from)
    if (startsAt < span.closesAt && startsAt < until) return { ...span, startsAt }
  }
  return undefined
}

function madeUp(
  schedule: CalendarSchedule,
  from: number,
  until: number,
  { timeZone }: DayFacts,
): Opening | undefined {
  const opening = firstStart(schedule, timeZone, from)
  return opening !== undefined && opening.startsAt < until ? opening : undefined
}
