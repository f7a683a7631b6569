/** A value and what it is known by. */
export interface Row<Value> {
  readonly key: string
  readonly value: Value
}

/**
 * Values by keys that nobody knows before. A list, because there is seldom more than one: an object would be of a shape of
 * its own for each such key, which the engine makes anew every time.
 */
export type Rows<Value> = readonly Row<Value>[]

/** Without any. */
export const noRows: Rows<never> = []

/** The value of a key. */
export function valueAt<Value>(rows: Rows<Value>, key: string): Value | undefined {
  for (const row of rows) if (row.key === key) return row.value
  return undefined
}

/** The rows with this value for a key. */
export function withRow<Value>(rows: Rows<Value>, key: string, value: Value): Rows<Value> {
  const row = { key, value }
  if (rows.length === 0) return [row]
  return rows.some((each) => each.key === key)
    ? rows.map((each) => (each.key === key ? row : each))
    : [...rows, row]
}

/** The rows without that of a key. */
export function withoutRow<Value>(rows: Rows<Value>, key: string): Rows<Value> {
  const [first] = rows
  if (rows.length === 1 && first?.key === key) return noRows
  return rows.filter((each) => each.key !== key)
}

/** As they are stored. */
export function objectOf<Value>(rows: Rows<Value>): Readonly<Record<string, Value>> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
}

/** As they were stored. */
export function rowsOf<Value>(stored: Readonly<Record<string, Value>>): Rows<Value> {
  return Object.entries(stored).map(([key, value]) => ({ key, value }))
}
