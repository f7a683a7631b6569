import {
  type RetentionLevel,
  defaultRetentionLevels,
  parseRetentionPeriod,
  printRetentionPeriod,
} from '@nb/contracts'

/** What the retention of a schedule may look like, with the periods that the table has. */
export function retentionForm(levels: readonly RetentionLevel[] = defaultRetentionLevels): string {
  return `a retention level 0–100 ("3" or "level 3"), a period that a level has (now ${periodsOf(levels)}), "for ever" or "at once"`
}

/** The periods of a table, shortest first, such as `1 week, 2 weeks`. */
export function periodsOf(levels: readonly RetentionLevel[]): string {
  const periods = new Set(
    levels.flatMap(({ periodMs }) => (periodMs === null || periodMs === 0 ? [] : [periodMs])),
  )
  return [...periods]
    .sort((a, b) => a - b)
    .map(printRetentionPeriod)
    .join(', ')
}

/** What the text of a retention stands for. */
export interface ReadRetention {
  readonly level: number
  /** Where a period is written, milliseconds. */
  readonly periodMs?: number
  /** That no level has the period now, so that it stands for the level it had before. */
  readonly isFormer?: true
}

/** The level of a period that none has now; `undefined` where it never had one. */
export type FormerLevel = (periodMs: number) => number | undefined

/**
 * The level of `3`, `level 3`, `1 month`: a period stands for the lowest level that has it, or, where none has, for the one
 * that `former` knows; 9 is for ever, 25 at once.
 */
export function parseRetention(
  text: string,
  levels: readonly RetentionLevel[] = defaultRetentionLevels,
  former: FormerLevel = () => undefined,
): ReadRetention | undefined {
  const words = text.trim().toLowerCase()
  const [, number] = /^(?:level\s+)?(\d+)$/.exec(words) ?? []
  if (number !== undefined) return Number(number) <= 100 ? { level: Number(number) } : undefined
  const periodMs = parseRetentionPeriod(words)
  if (periodMs === undefined) return undefined
  if (periodMs === null) return { level: 9 }
  if (periodMs === 0) return { level: 25 }
  const now = levels.find((row) => row.periodMs === periodMs)?.level
  if (now !== undefined) return { level: now, periodMs }
  const level = former(periodMs)
  return level === undefined ? undefined : { level, periodMs, isFormer: true }
}

/** How long a level keeps, in words. */
export function keptBy(level: number, levels: readonly RetentionLevel[]): string {
  const period = levels.find((row) => row.level === level)?.periodMs ?? null
  return printRetentionPeriod(period)
}
