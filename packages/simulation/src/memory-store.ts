import { AbstractIterator, AbstractLevel } from 'abstract-level'
import { SortedKeys } from './sorted-keys.ts'

interface Range {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly reverse?: boolean
  readonly limit?: number
}

type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string }

/**
 * A database of the `abstract-level` family in memory that answers within the turn it is asked in: nothing waits for the
 * host, so that a virtual clock knows when all is quiet. Iterators see changes that are made behind where they are.
 */
export class MemoryStore extends AbstractLevel<string, string, string> {
  readonly #values = new Map<string, string>()
  readonly #keys: SortedKeys = new SortedKeys()

  constructor() {
    super({
      encodings: { utf8: true },
      seek: false,
      has: true,
      permanence: false,
      createIfMissing: false,
      errorIfExists: false,
      implicitSnapshots: false,
      explicitSnapshots: false,
    })
  }

  async _put(key: string, value: string): Promise<void> {
    this.#put(key, value)
  }

  async _get(key: string): Promise<string | undefined> {
    return this.#values.get(key)
  }

  async _getMany(keys: readonly string[]): Promise<(string | undefined)[]> {
    return keys.map((key) => this.#values.get(key))
  }

  async _has(key: string): Promise<boolean> {
    return this.#values.has(key)
  }

  async _del(key: string): Promise<void> {
    this.#delete(key)
  }

  async _batch(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.type === 'put') this.#put(operation.key, operation.value)
      else this.#delete(operation.key)
    }
  }

  async _clear(range: Range): Promise<void> {
    const iterator = new MemoryIterator(this, range, this.#keys, this.#values)
    for (const [key] of iterator.take(range.limit === undefined || range.limit < 0 ? Infinity : range.limit))
      this.#delete(key)
    await iterator.close()
  }

  _iterator(range: Range): AbstractIterator<MemoryStore, string, string> {
    return new MemoryIterator(this, range, this.#keys, this.#values)
  }

  #put(key: string, value: string): void {
    if (!this.#values.has(key)) this.#keys.add(key)
    this.#values.set(key, value)
  }

  #delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.remove(key)
  }
}

class MemoryIterator extends AbstractIterator<MemoryStore, string, string> {
  readonly #range: Range
  readonly #keys: SortedKeys
  readonly #values: ReadonlyMap<string, string>
  #last: string | undefined

  constructor(store: MemoryStore, range: Range, keys: SortedKeys, values: ReadonlyMap<string, string>) {
    super(store, range)
    this.#range = range
    this.#keys = keys
    this.#values = values
  }

  /** The next entries, at most so many. */
  take(most: number): [string, string][] {
    const entries: [string, string][] = []
    while (entries.length < most) {
      const key = this.#nextKey()
      if (key === undefined) break
      this.#last = key
      entries.push([key, this.#values.get(key) as string])
    }
    return entries
  }

  async _next(): Promise<[string, string] | undefined> {
    return this.take(1)[0]
  }

  async _nextv(size: number): Promise<[string, string][]> {
    return this.take(size)
  }

  #nextKey(): string | undefined {
    const { gt, gte, lt, lte, reverse } = this.#range
    const key =
      reverse === true
        ? this.#last === undefined
          ? this.#keys.before(lte ?? lt, lte === undefined)
          : this.#keys.before(this.#last, true)
        : this.#last === undefined
          ? this.#keys.after(gte ?? gt ?? '', gte === undefined && gt !== undefined)
          : this.#keys.after(this.#last, true)
    if (key === undefined) return undefined
    if (reverse === true) return isAbove(key, gt, gte) ? key : undefined
    return (lt === undefined || key < lt) && (lte === undefined || key <= lte) ? key : undefined
  }
}

function isAbove(key: string, gt: string | undefined, gte: string | undefined): boolean {
  return (gt === undefined || key > gt) && (gte === undefined || key >= gte)
}
