import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { type Column, cut, formatTable } from './table.ts'

/** Where a command prints. Results go to standard output, all that a person watches to standard error. */
export interface Output {
  /** Whether results are JSON, one value per line. */
  readonly json: boolean
  /** Whether a person watches, so that a line may be drawn over. */
  readonly live: boolean
  /** The present time, milliseconds since the epoch. */
  readonly now: () => number
  /** One line of result. Resolves when there is room for more. */
  readonly line: (text: string) => Promise<void>
  /** One value of result, as JSON. */
  readonly value: (value: unknown) => Promise<void>
  /** Rows of result: a table that fits the terminal, or a JSON line each. */
  readonly table: <Row>(rows: readonly Row[], columns: readonly Column<Row>[]) => Promise<void>
  /** A line for the person, not part of the result. */
  readonly note: (text: string) => void
  /** Draws over the last drawn line; nothing happens where nobody watches. An empty text takes it away. */
  readonly draw: (text: string) => void
  /** How the person typed a field of a request, as `option '--max-jobs <N>'`; `undefined` for what was not typed. */
  readonly typedName: (field: string) => string | undefined
}

/** How {@link createOutput} prints. */
export interface OutputOptions {
  /** Whether results are JSON, one value per line. */
  readonly json: boolean
  /** How the person typed a field of a request. @default nothing was typed */
  readonly typedName?: Output['typedName']
}

/** A stream of a process; the size is known where it is a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** What {@link createOutput} works with. */
export interface OutputComponents {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** How wide tables are, in characters, where standard output is no terminal. @default as wide as they come */
  readonly columns?: number
  /** The present time, milliseconds since the epoch. */
  readonly now: () => number
}

/** Output to streams. A table is cut to the width of a terminal, or the one that is said, and never otherwise. */
export function createOutput(
  { stdout, stderr, columns, now }: OutputComponents,
  { json, typedName = () => undefined }: OutputOptions,
): Output {
  let drawn = false
  const line = async (text: string): Promise<void> => {
    erase()
    if (!stdout.write(`${text}\n`)) await once(stdout, 'drain')
  }
  const value = (one: unknown): Promise<void> => line(JSON.stringify(one))
  const erase = (): void => {
    if (drawn) stderr.write('\r\u001b[K')
    drawn = false
  }
  return {
    json,
    live: stderr.isTTY === true,
    now,
    typedName,
    line,
    value,
    table: async (rows, layout) => {
      if (json) for (const row of rows) await value(row)
      else
        for (const text of formatTable(
          rows,
          layout,
          columnsOf(stdout) ?? columns ?? Number.POSITIVE_INFINITY,
        ))
          await line(text)
    },
    note: (text) => {
      erase()
      stderr.write(`${text}\n`)
    },
    draw: (text) => {
      if (stderr.isTTY !== true) return
      erase()
      stderr.write(cut(text, (columnsOf(stderr) ?? 80) - 1))
      drawn = text !== ''
    },
  }
}

/** How wide a terminal is; one that does not know says 0. */
function columnsOf({ columns }: OutputStream): number | undefined {
  return columns === 0 ? undefined : columns
}
