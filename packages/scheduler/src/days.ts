import type { DayRule } from '@nb/contracts'

/** Days since 1970-01-01, by the calendar alone: no zone, no clock. */
export type DayNumber = number

/** Milliseconds of a day of 24 hours. */
export const dayMs = 86_400_000

/** The number of a date `YYYY-MM-DD`, or `undefined` when there is no such date. */
export function dayNumber(date: string): DayNumber | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) return undefined
  const at = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(at) || dateOf(at / dayMs) !== date ? undefined : at / dayMs
}

/** The date of a day, `YYYY-MM-DD`. */
export function dateOf(day: DayNumber): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

/** 0 = Sunday … 6 = Saturday. */
export function weekdayOf(day: DayNumber): number {
  return (((day + 4) % 7) + 7) % 7
}

/** Whether a rule means a day: one of its lists has it. */
export function isMeant(rule: DayRule, day: DayNumber): boolean {
  const { dates = [], weekdays = [], daysOfMonth = [] } = rule
  if (dates.length > 0 && dates.includes(dateOf(day))) return true
  if (weekdays.length === 0 && daysOfMonth.length === 0) return false
  const ofMonth = new Date(day * dayMs).getUTCDate()
  const isInLastWeek = new Date((day + 7) * dayMs).getUTCDate() <= 7
  const isLast = new Date((day + 1) * dayMs).getUTCDate() === 1
  if (daysOfMonth.some((each) => each === ofMonth || (each === 'last' && isLast))) return true
  const weekday = weekdayOf(day)
  return weekdays.some(
    (each) =>
      each.weekday === weekday &&
      (each.week === undefined ||
        (each.week === 'last' ? isInLastWeek : each.week === Math.ceil(ofMonth / 7))),
  )
}
