import type { Row } from './rows.ts'

/** Rows as a table for a terminal: case, ours, peer, ratio, goal. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    `${row.case}, ${row.metric}`,
    formatValue(row.value, row.unit),
    row.peerValue === null ? '–' : `${formatValue(row.peerValue, row.unit)} (${row.peer ?? '?'})`,
    row.ratio === null ? '–' : row.ratio.toFixed(2),
    row.goal === null ? '' : `${row.goal}${verdict(row.holds)}`,
  ])
  const all = [['case', 'ours', 'peer', 'ratio', 'goal'], ...cells]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function verdict(holds: boolean | null): string {
  if (holds === null) return '  not judged'
  return holds ? '  holds' : '  MISSED'
}

/** Three digits that count, and the unit. */
export function formatValue(value: number, unit: string): string {
  const text = Math.abs(value) >= 100 || value === 0 ? Math.round(value).toString() : value.toPrecision(3)
  return `${text} ${unit}`.trim()
}
