import { type StartWindow, parseDuration } from '@nb/contracts'
import { parseWeekdays, printWeekdays } from './weekday-text.ts'

const daySeconds = 86_400

/** What the hours of a window may look like. */
export const hoursForm =
  '"20:00 for 8h" or "20:00-04:00" (an end at or before the beginning is on the next day)'
/** What a window with its days may look like. */
export const windowForm = '"mon-fri 20:00 for 8h" or "daily 20:00-04:00"'

/** When a window opens and for how long, of `20:00 for 8h` or `20:00-04:00`; `undefined` when it is neither. */
export function parseHours(text: string): Pick<StartWindow, 'startSeconds' | 'durationSeconds'> | undefined {
  const [, from, to, length] =
    /^\s*(\d\d?:\d\d(?::\d\d)?)\s*(?:(?:-|–)\s*(\d\d?:\d\d(?::\d\d)?)|\s+for\s+(.+))\s*$/.exec(text) ?? []
  const startSeconds = from === undefined ? undefined : secondsOf(from)
  if (startSeconds === undefined || startSeconds >= daySeconds) return undefined
  if (to !== undefined) {
    const end = secondsOf(to)
    if (end === undefined) return undefined
    return {
      startSeconds,
      durationSeconds: end > startSeconds ? end - startSeconds : end + daySeconds - startSeconds,
    }
  }
  const durationMs = parseDuration(length ?? '')
  if (durationMs === undefined || durationMs % 1000 !== 0) return undefined
  return { startSeconds, durationSeconds: durationMs / 1000 }
}

/** The windows of `mon-fri 20:00 for 8h`, one a day in that order, or `undefined`. */
export function parseWindow(text: string): readonly StartWindow[] | undefined {
  const [, days, hours] = /^\s*(\D+?)\s+(\d.*)$/.exec(text) ?? []
  const weekdays = days === undefined ? undefined : parseWeekdays(days)
  const span = hours === undefined ? undefined : parseHours(hours)
  if (weekdays === undefined || span === undefined) return undefined
  return weekdays.map((weekday) => ({ weekday, ...span }))
}

/** Windows as a file has them: days to hours where each has its own, else a list; their order is kept. */
export function printWindows(windows: readonly StartWindow[]): Readonly<Record<string, string>> | string[] {
  const rows = rowsOf(windows)
  const names = rows.map(({ days }) => days)
  if (rows.length === 0 || new Set(names).size < rows.length) {
    return rows.map(({ days, hours }) => `${days} ${hours}`)
  }
  return Object.fromEntries(rows.map(({ days, hours }) => [days, hours]))
}

function rowsOf(windows: readonly StartWindow[]): { readonly days: string; readonly hours: string }[] {
  const rows: { readonly weekdays: number[]; readonly hours: string }[] = []
  for (const window of windows) {
    const hours = printHours(window)
    const row = rows.at(-1)
    const follows = row !== undefined && window.weekday === ((row.weekdays.at(-1) ?? 0) + 1) % 7
    if (follows && row.hours === hours && row.weekdays.length < 7) row.weekdays.push(window.weekday)
    else rows.push({ weekdays: [window.weekday], hours })
  }
  return rows.map(({ weekdays, hours }) => ({ days: printWeekdays(weekdays), hours }))
}

function printHours({ startSeconds, durationSeconds }: StartWindow): string {
  return `${timeOf(startSeconds)} for ${printShort(durationSeconds)}`
}

function timeOf(seconds: number): string {
  const two = (count: number): string => String(count).padStart(2, '0')
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}`
  return seconds % 60 === 0 ? time : `${time}:${two(seconds % 60)}`
}

function secondsOf(time: string): number | undefined {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number)
  const total = hours * 3600 + minutes * 60 + seconds
  return minutes < 60 && seconds < 60 && total <= daySeconds ? total : undefined
}

/** A duration as windows have it: `8h`, `1h 30min`, `20s`. */
function printShort(seconds: number): string {
  const parts = [
    { count: Math.floor(seconds / 3600), name: 'h' },
    { count: Math.floor((seconds % 3600) / 60), name: 'min' },
    { count: seconds % 60, name: 's' },
  ]
  return parts.flatMap(({ count, name }) => (count === 0 ? [] : [`${count}${name}`])).join(' ')
}
