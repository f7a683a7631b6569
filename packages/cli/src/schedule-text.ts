import type { DayRule, RunCalendar, Schedule, StartWindow } from '@nb/contracts'
import { formatPeriod } from './period-argument.ts'

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const weekSeconds = 7 * 86_400

/** Start windows in a line: `Mon-Fri 22:00 for 8h, Sun 12:00 for 30h`; `always` for a whole week. */
export function windowsText(windows: readonly StartWindow[]): string {
  if (windows.some(({ durationSeconds }) => durationSeconds >= weekSeconds)) return 'always'
  const byTime = new Map<string, number[]>()
  for (const { weekday, startSeconds, durationSeconds } of windows) {
    const time = `${clock(startSeconds)} for ${formatPeriod(durationSeconds * 1000)}`
    byTime.set(time, [...(byTime.get(time) ?? []), weekday])
  }
  return [...byTime].map(([time, days]) => `${weekdaysText(days)} ${time}`).join(', ') || 'never'
}

/** When a schedule starts by itself: `every 1d`, `on the last Sun, the 1`, or only by hand. */
export function rhythmText({ type, frequencyMs, calendar }: Schedule): string {
  if (type === 'user-backup' || type === 'user-archive') return 'when a user asks'
  if (calendar !== undefined) return calendarText(calendar)
  return frequencyMs === undefined ? 'by hand' : `every ${formatPeriod(frequencyMs)}`
}

/** The days of a rule: `2026-12-24, every Fri, the last Sun, the 1, the last day`. */
export function daysText({ dates = [], weekdays = [], daysOfMonth = [] }: DayRule): string {
  return [
    ...dates,
    ...weekdays.map(({ weekday, week }) =>
      week === undefined ? `every ${dayName(weekday)}` : `the ${ordinal(week)} ${dayName(weekday)}`,
    ),
    ...daysOfMonth.map((day) => (day === 'last' ? 'the last day' : `the ${ordinal(day)}`)),
  ].join(', ')
}

function calendarText(calendar: RunCalendar): string {
  const retries = calendar.retryAfterRunDay ? ', made up for on later days' : ''
  return `on ${daysText(calendar) || 'no day'}${retries}`
}

function weekdaysText(days: readonly number[]): string {
  const sorted = [...new Set(days)].sort((a, b) => a - b)
  if (sorted.length === 7) return 'daily'
  const runs: number[][] = []
  for (const day of sorted) {
    const run = runs.at(-1)
    if (run?.at(-1) === day - 1) run.push(day)
    else runs.push([day])
  }
  return runs
    .map((run) => (run.length > 2 ? `${dayName(run[0])}-${dayName(run.at(-1))}` : run.map(dayName).join(' ')))
    .join(' ')
}

const dayName = (day: number | undefined): string => dayNames[day ?? 0] ?? '?'

function ordinal(week: number | 'last'): string {
  if (week === 'last') return 'last'
  const ending =
    week % 10 === 1 && week !== 11
      ? 'st'
      : week % 10 === 2 && week !== 12
        ? 'nd'
        : week % 10 === 3 && week !== 13
          ? 'rd'
          : 'th'
  return `${week}${ending}`
}

function clock(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const rest = seconds % 60 === 0 ? '' : `:${two(seconds % 60)}`
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}${rest}`
}
