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

/** A duration as windows have it: `8h`, `1h 30min`, `20s`. */
export function printShort(seconds: number): string {
  const parts = [
    { count: Math.floor(seconds / 3600), name: 'h' },
    { count: Math.floor((seconds % 3600) / 60), name: 'min' },
    { count: seconds % 60, name: 's' },
  ]
  return parts.flatMap(({ count, name }) => (count === 0 ? [] : [`${count}${name}`])).join(' ')
}
