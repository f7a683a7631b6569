/**
 * Works on items, up to `width` at once, and gives the results in the order of the items; what `work` gives at once is passed on at once
 * where nothing is waited for. When nobody takes more, or one fails, what
 * has begun is waited for.
 */
export async function* mapAhead<Item, Result>(
  items: AsyncIterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result> | Result,
): AsyncGenerator<Result, void, undefined> {
  const pending: Promise<Result>[] = []
  try {
    for await (const item of items) {
      if (pending.length >= width) yield await (pending.shift() as Promise<Result>)
      const begun = work(item)
      if (begun instanceof Promise) {
        begun.catch(() => undefined)
        pending.push(begun)
      } else if (pending.length === 0) yield begun
      else pending.push(Promise.resolve(begun))
    }
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) yield await next
  } finally {
    await Promise.allSettled(pending)
  }
}
