import { UsageError } from './exit-code.ts'
import { parsePeriod } from './period-argument.ts'

const localTime = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/

/**
 * The moment a person means, milliseconds since the epoch: `2026-03-01 22:15[:09]` in local time; `2026-03-01` alone is the
 * end of that day; with an offset or `Z` it is ISO 8601. Throws {@link UsageError}.
 */
export function parseTime(text: string): number {
  return parseMoment(text, 'end')
}

/** The same, where a day alone is its begin. Throws {@link UsageError}. */
export function parseStart(text: string): number {
  return parseMoment(text, 'begin')
}

/** A moment that is said by itself, or by how long before the present it was, or how long after it will be. */
export type RelativeTime = (now: number) => number

/** Like {@link parseStart}; a period (`12h`, `7d`) is that long ago. Throws {@link UsageError}. */
export function parseSince(text: string): RelativeTime {
  return relative(text, -1)
}

/** Like {@link parseStart}; a period (`12h`, `7d`) is that long from now. Throws {@link UsageError}. */
export function parseFromNow(text: string): RelativeTime {
  return relative(text, 1)
}

function relative(text: string, sign: 1 | -1): RelativeTime {
  if (/^(\d+\s*[a-z]+\s*)+$/i.test(text)) {
    const period = parsePeriod(text)
    return (now) => now + sign * period
  }
  const time = parseStart(text)
  return () => time
}

function parseMoment(text: string, day: 'begin' | 'end'): number {
  const local = localTime.exec(text)
  const time = local === null ? Date.parse(text) : localMoment(local, day)
  if (Number.isNaN(time))
    throw new UsageError(
      `'${text}' is no time; write 2026-03-01, '2026-03-01 22:15:09' or 2026-03-01T21:15:09Z`,
    )
  return time
}

function localMoment(
  [, year, month, dayOfMonth, hours, minutes, seconds]: RegExpExecArray,
  day: 'begin' | 'end',
): number {
  const date = [Number(year), Number(month) - 1, Number(dayOfMonth)] as const
  // A moment to the second is the end of that second, so that what happened within it counts as before.
  const milliseconds = day === 'end' ? 999 : 0
  const [hour, minute, second] =
    hours !== undefined
      ? [Number(hours), Number(minutes), Number(seconds ?? 0)]
      : day === 'end'
        ? [23, 59, 59]
        : [0, 0, 0]
  const at = new Date(...date, hour, minute, second, milliseconds)
  // Date turns February 30 into March 2; nobody means that.
  const meant = at.getMonth() === date[1] && at.getDate() === date[2] && Number(minutes ?? 0) < 60
  return meant ? at.getTime() : Number.NaN
}
