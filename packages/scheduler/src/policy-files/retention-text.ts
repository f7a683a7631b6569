import { type RetentionLevel, defaultRetentionLevels, parseRetentionPeriod } from '@nb/contracts'

/** What the retention of a schedule may look like. */
export const retentionForm =
  'a retention level 0–100 ("3" or "level 3"), the period of one ("2 weeks", "1 month"), "for ever" or "at once"'
/** The level of `3`, `level 3`, `1 month`: a period stands for the lowest level that has it; 9 is for ever, 25 at once. */
export function parseRetention(
  text: string,
  levels: readonly RetentionLevel[] = defaultRetentionLevels,
): number | undefined {
  const words = text.trim().toLowerCase()
  const [, number] = /^(?:level\s+)?(\d+)$/.exec(words) ?? []
  if (number !== undefined) return Number(number) <= 100 ? Number(number) : undefined
  const periodMs = parseRetentionPeriod(words)
  if (periodMs === null) return 9
  if (periodMs === 0) return 25
  return levels.find((row) => row.periodMs === periodMs)?.level
}
