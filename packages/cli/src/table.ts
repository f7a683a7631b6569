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
  /** Is left out when the terminal is too narrow all the same, 1 first. @default it stays */
  readonly spare?: number
}

/** The narrowest a column is made while there is another that is spare, and when there is none. */
const readable = 12
const narrowest = 6

/**
 * The lines of a table that fits `width` characters: title, then one line per row. What is too wide is shortened, then columns that are spare are left out,
 * at last lines are cut. Nothing in a cell can move the cursor.
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row) ?? '-'))))
  const lines = [columns.map((column) => column.title), ...cells]
  const full = columns.map((_, at) => Math.max(...lines.map((line) => lengthOf(line[at] ?? ''))))
  const kept = laidOut(columns, full, width)
  return lines.map((line) =>
    cut(
      kept
        .map(({ at, width: place }) => fit(line[at] ?? '', place, columns[at]?.align ?? 'left'))
        .join('  ')
        .trimEnd(),
      width,
    ),
  )
}

/** A column that is shown, and how wide. */
interface Place {
  readonly at: number
  width: number
  readonly shrinks: boolean
  readonly spare: number | undefined
}

function laidOut<Row>(columns: readonly Column<Row>[], full: readonly number[], width: number): Place[] {
  const all = columns.map(({ shrinks = false, spare }, at) => ({ at, width: full[at] ?? 0, shrinks, spare }))
  const leaving = all.filter(({ spare }) => spare !== undefined).sort(by(({ spare = 0 }) => spare))
  for (let left = 0; ; left++) {
    const gone = new Set(leaving.slice(0, left).map(({ at }) => at))
    const places = all.filter(({ at }) => !gone.has(at)).map((place) => ({ ...place }))
    const isLast = left === leaving.length
    if (shrink(places, width, isLast ? narrowest : readable) || isLast) return places
  }
}

const by =
  <Item>(value: (item: Item) => number) =>
  (a: Item, b: Item): number =>
    value(a) - value(b)

/** Text, or a path that is shown already, in which every control character and undecodable byte is shown as `\xHH`. */
export function printable(text: string): string {
  return text.replace(/[^\\]+/g, (part) => displayPath(toPath(part)))
}

/** Text cut to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (lengthOf(text) <= width) return text
  return `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`
}

/** Shortens the widest that may be, one by one; whether all fits then. */
function shrink(places: readonly Place[], width: number, least: number): boolean {
  let excess = places.reduce((sum, one) => sum + one.width, 2 * (places.length - 1)) - width
  while (excess > 0) {
    const widest = places
      .filter(({ shrinks }) => shrinks)
      .reduce<Place | undefined>((best, one) => (one.width > (best?.width ?? least) ? one : best), undefined)
    if (widest === undefined) return false
    widest.width -= 1
    excess -= 1
  }
  return true
}

function fit(cell: string, width: number, align: 'left' | 'right'): string {
  const shown = cut(cell, width)
  const padding = ' '.repeat(Math.max(0, width - lengthOf(shown)))
  return align === 'left' ? shown + padding : padding + shown
}

const lengthOf = (text: string): number => [...text].length
