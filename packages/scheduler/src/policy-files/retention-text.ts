import { type RetentionLevel, defaultRetentionLevels } from '@nb/contracts'
import { parseDuration, printDuration } from './durations.ts'

/** What the retention of a schedule may look like. */
export const retentionForm =
  'a retention level 0–100 ("3" or "level 3"), the period of one ("2 weeks", "1 month"), "for ever" or "at once"'
/** What the period of a level may look like. */
export const periodForm = 'a period such as "2 weeks", "1 month" or "7 years", "for ever" or "at once"'

const forEver = ['for ever', 'forever', 'infinite', 'infinity']
const atOnce = ['at once', 'expire at once', 'immediately']

/** A period: milliseconds, `null` for ever; `undefined` when it is none. A month is 31 days, a year 365. */
export function parsePeriod(text: string): number | null | undefined {
  const words = text.trim().toLowerCase()
  if (forEver.includes(words)) return null
  return atOnce.includes(words) ? 0 : parseDuration(words, { long: true })
}

/** A period as a person reads it. */
export function printPeriod(periodMs: number | null): string {
  if (periodMs === null) return 'for ever'
  return periodMs === 0 ? 'at once' : printDuration(periodMs, { long: true })
}

/** The level of `3`, `level 3`, `1 month`: a period stands for the lowest level that has it; 9 is for ever, 25 at once. */
export function parseRetention(
  text: string,
  levels: readonly RetentionLevel[] = defaultRetentionLevels,
): number | undefined {
  const words = text.trim().toLowerCase()
  const [, number] = /^(?:level\s+)?(\d+)$/.exec(words) ?? []
  if (number !== undefined) return Number(number) <= 100 ? Number(number) : undefined
  const periodMs = parsePeriod(words)
  if (periodMs === null) return 9
  if (periodMs === 0) return 25
  return levels.find((row) => row.periodMs === periodMs)?.level
}
