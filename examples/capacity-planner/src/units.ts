import type { StartWindow } from '@nb/contracts'

/** Thrown for a text that can't be read as what it should be; tells what it should look like. */
export class UnitError extends Error {}

const decimal = ['', 'K', 'M', 'G', 'T', 'P']

/** `12 TiB`, `300 GB`, `512 B`: bytes. Units with an `i` count by 1024, the others by 1000. */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?)B\s*$/i.exec(text)
  if (match === null) throw new UnitError('must be a size such as 300 GB or 12 TiB')
  const [, number = '', prefix = '', binary] = match
  const base = binary === '' ? 1000 : 1024
  return Math.round(Number(number) * base ** decimal.indexOf(prefix.toUpperCase()))
}

/** `300 MB/s`: bytes per second. */
export function parseRate(text: string): number {
  const match = /^(.*)\/\s*s\s*$/i.exec(text)
  if (match === null) throw new UnitError('must be a speed such as 300 MB/s')
  const rate = parseSize(match[1] ?? '')
  if (rate < 1) throw new UnitError('must be a speed of at least 1 B/s')
  return rate
}

const durations: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  second: 1000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  week: 604_800_000,
}

/** `90 s`, `15 min`, `6 h`, `7 days`: milliseconds. */
export function parseDuration(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text)
  const name = match?.[2]?.toLowerCase() ?? ''
  const unit = durations[name] ?? durations[name.replace(/s$/, '')]
  if (match === null || unit === undefined)
    throw new UnitError('must be a length of time such as 90 s, 15 min, 6 h or 7 days')
  return Math.round(Number(match[1]) * unit)
}

/** `3 %` or `3 %/day`: a share, 0–1. */
export function parsePercent(text: string, suffix = ''): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*%\s*(\/\s*day)?\s*$/i.exec(text)
  const share = Number(match?.[1]) / 100
  if (match === null || share > 1 || (suffix === '' && match[2] !== undefined))
    throw new UnitError(`must be a share such as 3 %${suffix}, at most 100 %`)
  return share
}

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/**
 * `20:00-06:00` for every day, `mon-fri 20:00-06:00`, `sat,sun 08:00-20:00`: the window opens on these days and may cross
 * midnight; `00:00-24:00` is a whole day.
 */
export function parseWindow(text: string): StartWindow[] {
  const match = /^\s*(?:([a-z,\s-]+?)\s+)?(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*$/i.exec(text)
  if (match === null) throw new UnitError('must be a window such as 20:00-06:00 or "mon-fri 20:00-06:00"')
  const [from, to] = [secondsOf(match[2], match[3]), secondsOf(match[4], match[5])]
  if (from >= 86_400 || to > 86_400) throw new UnitError('has a time of day that there is not')
  const durationSeconds = to > from ? to - from : to + 86_400 - from
  return parseDays(match[1] ?? 'sun-sat').map((weekday) => ({ weekday, startSeconds: from, durationSeconds }))
}

function secondsOf(hours: string | undefined, minutes: string | undefined): number {
  if (Number(minutes) > 59) throw new UnitError('has a time of day that there is not')
  return Number(hours) * 3600 + Number(minutes) * 60
}

function parseDays(text: string): number[] {
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first = '', last = first] = part.split('-').map((name) => name.trim().toLowerCase().slice(0, 3))
    const [from, to] = [weekdays.indexOf(first), weekdays.indexOf(last)]
    if (from < 0 || to < 0)
      throw new UnitError('has a weekday that is none of sun, mon, tue, wed, thu, fri, sat')
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === to) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

/** `2026-01-09 21:00`, in UTC: milliseconds since the epoch. */
export function parseTime(text: string): number {
  const match = /^\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)\s*$/.exec(text)
  const at = match === null ? NaN : Date.parse(`${match[1]}T${match[2]}:00Z`)
  if (Number.isNaN(at)) throw new UnitError('must be a time such as 2026-01-09 21:00 (UTC)')
  return at
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Bytes with the unit that leaves one to three digits before the point: `1.5 TB`. */
export function formatSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`
}

/** A share: `12.3 %`. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Hours: `1,234 h`, `3.5 h`. */
export function formatHours(milliseconds: number): string {
  const hours = milliseconds / 3_600_000
  return `${hours >= 100 ? formatCount(Math.round(hours)) : hours.toFixed(1)} h`
}

/** A count with separators. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** A count with separators and its noun: `1 day`, `5,000 clients`. */
export function formatCounted(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}
