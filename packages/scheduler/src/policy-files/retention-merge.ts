import { type RetentionLevel, defaultRetentionLevels, printRetentionPeriod } from '@nb/contracts'
import { readRetentionLevels, printRetentionLevels } from './retention-file.ts'
import { spliceMap } from './splice-map.ts'

/** What the retention table and its file are, and were when they were last the same. */
export interface RetentionSides {
  /** The rows that the file has. */
  readonly file: readonly RetentionLevel[]
  /** Whether the file has changed since. */
  readonly isEdited: boolean
  readonly table: readonly RetentionLevel[]
  /** The table then; absent where table and file have not met. */
  readonly before?: readonly RetentionLevel[]
}

/** What is to be done so that both say the same. */
export interface RetentionMerge {
  /** Rows of the file that the table takes. */
  readonly apply: readonly RetentionLevel[]
  /** Rows of the table that the file takes. */
  readonly write: readonly RetentionLevel[]
  /** Rows of the file that the table does not take, since it was changed otherwise. */
  readonly conflicts: readonly RetentionLevel[]
}

/**
 * Decides row by row: what was edited in the file counts, what was set in the table is written to the file, and of a level
 * that was changed on both sides the table's stays. A file that meets the table for the first time counts, and takes the
 * rows of the table that are not the field's.
 */
export function mergeRetention({ file, isEdited, table, before }: RetentionSides): RetentionMerge {
  const apply: RetentionLevel[] = []
  const write: RetentionLevel[] = []
  const conflicts: RetentionLevel[] = []
  const then = before ?? defaultRetentionLevels
  for (const row of table) {
    const { level, periodMs } = row
    const inFile = file.find((each) => each.level === level)
    const isChanged = periodOf(then, level) !== periodMs
    if (inFile === undefined) {
      if (isChanged) write.push(row)
    } else if (inFile.periodMs !== periodMs) {
      const isRowEdited = isEdited && inFile.periodMs !== periodOf(then, level)
      if (before === undefined || (isEdited && !isChanged)) apply.push(inFile)
      else if (isChanged && !isRowEdited) write.push(row)
      else if (isChanged) conflicts.push(inFile)
    }
  }
  return { apply, write, conflicts }
}

/** The rows of a table that are not the field's. */
export function changedRows(table: readonly RetentionLevel[]): RetentionLevel[] {
  return table.filter(({ level, periodMs }) => periodOf(defaultRetentionLevels, level) !== periodMs)
}

/** The text of a retention file after rows were set: all else in it stays. */
export function updateRetentionText(text: string, rows: readonly RetentionLevel[], file: string): string {
  const json = file.endsWith('.json')
  const spliced = json
    ? undefined
    : spliceMap(
        text,
        rows.map(({ level, periodMs }) => ({ key: level, value: printRetentionPeriod(periodMs) })),
      )
  if (spliced !== undefined) return spliced
  const all = new Map(readRetentionLevels(text, file).levels.map((row) => [row.level, row]))
  for (const row of rows) all.set(row.level, row)
  const sorted = [...all.values()].sort((a, b) => a.level - b.level)
  if (!json) return printRetentionLevels(sorted)
  const object = Object.fromEntries(
    sorted.map(({ level, periodMs }) => [level, printRetentionPeriod(periodMs)]),
  )
  return `${JSON.stringify(object, null, 2)}\n`
}

function periodOf(levels: readonly RetentionLevel[], level: number): number | null {
  const row = levels.find((each) => each.level === level) ?? defaultRetentionLevels[level]
  return row?.periodMs ?? null
}
