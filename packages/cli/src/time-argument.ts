import { UsageError } from './exit-code.ts'

const localTime = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/

/**
 * The moment a person means, milliseconds since the epoch: `2026-03-01 22:15[:09]` in local time; `2026-03-01` alone is the
 * end of that day; with an offset or `Z` it is ISO 8601. Throws {@link UsageError}.
 */
export function parseTime(text: string): number {
  const local = localTime.exec(text)
  const time = local === null ? Date.parse(text) : localMoment(local)
  if (Number.isNaN(time))
    throw new UsageError(
      `'${text}' is no time; write 2026-03-01, '2026-03-01 22:15:09' or 2026-03-01T21:15:09Z`,
    )
  return time
}

function localMoment([, year, month, day, hours, minutes, seconds]: RegExpExecArray): number {
  const date = [Number(year), Number(month) - 1, Number(day)] as const
  const at =
    hours === undefined
      ? new Date(date[0], date[1], date[2], 23, 59, 59, 999)
      : new Date(date[0], date[1], date[2], Number(hours), Number(minutes), Number(seconds ?? 0), 999)
  // Date turns February 30 into March 2; nobody means that.
  const meant = at.getMonth() === date[1] && at.getDate() === date[2] && Number(minutes ?? 0) < 60
  return meant ? at.getTime() : Number.NaN
}
