import assert from 'node:assert/strict'

/** All items of a stream. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Lets I/O and promises run. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Lets them run until something has happened. */
export async function turnsUntil(done: () => boolean, limit = 100_000): Promise<void> {
  for (let turn = 0; turn < limit && !done(); turn++) await turns(1)
  assert.ok(done(), 'it never happened')
}
