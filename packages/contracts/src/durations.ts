/** Units of time, milliseconds each; the first name of each is the one that is printed. */
const units = [
  { ms: 604_800_000, names: ['week', 'weeks', 'w'] },
  { ms: 86_400_000, names: ['day', 'days', 'd'] },
  { ms: 3_600_000, names: ['hour', 'hours', 'h', 'hr', 'hrs'] },
  { ms: 60_000, names: ['minute', 'minutes', 'min', 'mins'] },
  { ms: 1000, names: ['second', 'seconds', 's', 'sec', 'secs'] },
  { ms: 1, names: ['ms', 'ms'] },
] as const

/** Longer units, which only periods of retention have: a month is 31 days, a year 365, as in the retention table. */
const longUnits = [
  { ms: 365 * 86_400_000, names: ['year', 'years', 'y'] },
  { ms: 31 * 86_400_000, names: ['month', 'months'] },
] as const

/** What a duration may look like. */
export const durationForm = 'a duration such as "1 day", "8h", "1h 30min" or "2 weeks"'

/** Milliseconds of a duration such as `1h 30min`, or `undefined` when it is none. */
export function parseDuration(
  text: string,
  { long = false }: { readonly long?: boolean } = {},
): number | undefined {
  const known = long ? [...longUnits, ...units] : units
  const parts = text.trim().toLowerCase()
  if (!/^(\d+\s*[a-z]+\s*)+$/.test(parts)) return undefined
  let total = 0
  for (const [, count, name] of parts.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const unit = known.find(({ names }) => (names as readonly string[]).includes(name as string))
    if (unit === undefined) return undefined
    total += Number(count) * unit.ms
  }
  return Number.isSafeInteger(total) ? total : undefined
}

/** A duration in the greatest unit that leaves nothing over: `1 week`, `50 hours`. */
export function printDuration(
  durationMs: number,
  { long = false }: { readonly long?: boolean } = {},
): string {
  const known = long ? [...longUnits, ...units] : units
  if (durationMs === 0) return '0 seconds'
  for (const { ms, names } of known) {
    const count = durationMs / ms
    if (Number.isInteger(count)) return `${count} ${count === 1 ? names[0] : names[1]}`
  }
  throw new RangeError(`no whole milliseconds: ${durationMs}`)
}

const forEver = ['for ever', 'forever', 'ever', 'infinite', 'infinity']
const atOnce = ['at once', 'expire at once', 'immediately']

/** What the period of a retention level may look like. */
export const retentionPeriodForm =
  'a period such as "2 weeks", "1 month" or "7 years", "for ever" or "at once"'

/** How long images are kept: milliseconds, `null` for ever; `undefined` when it is no period. A month is 31 days, a year 365. */
export function parseRetentionPeriod(text: string): number | null | undefined {
  const words = text.trim().toLowerCase()
  if (forEver.includes(words)) return null
  return atOnce.includes(words) ? 0 : parseDuration(words, { long: true })
}

/** The same as a person reads it. */
export function printRetentionPeriod(periodMs: number | null): string {
  if (periodMs === null) return 'for ever'
  return periodMs === 0 ? 'at once' : printDuration(periodMs, { long: true })
}
