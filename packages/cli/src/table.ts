import { displayPath, toPath } from '@nb/contracts'

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  /** What stands in it; `-` for nothing. */
  readonly value: (row: Row) => string | number | undefined
  /** @default 'left' */
  readonly align?: 'left' | 'right'
  /** Gives way when the terminal is too narrow; the widest of these first. */
  readonly shrinks?: boolean
}

/** The narrowest a column is made. */
const narrowest = 6

/** The lines of a table that fits `width` characters: title, then one line per row. Nothing in a cell can move the cursor. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row) ?? '-'))))
  const lines = [columns.map((column) => column.title), ...cells]
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => lengthOf(line[at] ?? ''))))
  shrink(widths, columns, width)
  return lines.map((line) =>
    line
      .map((cell, at) => fit(cell, widths[at] ?? 0, columns[at]?.align ?? 'left'))
      .join('  ')
      .trimEnd(),
  )
}

/** Text, or a path that is shown already, in which every control character and undecodable byte is shown as `\xHH`. */
export function printable(text: string): string {
  return text.replace(/[^\\]+/g, (part) => displayPath(toPath(part)))
}

/** Text cut to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (lengthOf(text) <= width) return text
  return `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`
}

function shrink<Row>(widths: number[], columns: readonly Column<Row>[], width: number): void {
  let excess = widths.reduce((sum, one) => sum + one, 2 * (columns.length - 1)) - width
  while (excess > 0) {
    const widest = columns
      .map((column, at) => ({ at, width: column.shrinks === true ? (widths[at] ?? 0) : 0 }))
      .reduce((best, one) => (one.width > best.width ? one : best))
    if (widest.width <= narrowest) return
    widths[widest.at] = widest.width - 1
    excess -= 1
  }
}

function fit(cell: string, width: number, align: 'left' | 'right'): string {
  const shown = cut(cell, width)
  const padding = ' '.repeat(Math.max(0, width - lengthOf(shown)))
  return align === 'left' ? shown + padding : padding + shown
}

const lengthOf = (text: string): number => [...text].length
