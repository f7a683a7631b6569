import { AbstractIterator, AbstractLevel, type AbstractSublevel } from 'abstract-level'
import type { Store } from '@nb/contracts'
import { KeyTable, type TableValue } from './key-table.ts'

interface Range {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly reverse?: boolean
  readonly limit?: number
  /** Whether values are asked for beside the keys. @default true */
  readonly values?: boolean
}

type Operation =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: unknown
      readonly sublevel?: MemoryStore
      readonly valueEncoding?: string
    }
  | { readonly type: 'del'; readonly key: string; readonly sublevel?: MemoryStore }

/** How a store in memory works. */
export interface MemoryStoreOptions {
  /**
   * Whether plain data is kept as it is given, and copied only when it is read: whoever puts it must not change it after.
   * @default false
   */
  readonly keepsValues?: boolean
}

interface SublevelOptions {
  readonly valueEncoding?: string
}

const manifest = {
  encodings: { utf8: true },
  has: true,
  seek: false,
  permanence: false,
  createIfMissing: false,
  errorIfExists: false,
  implicitSnapshots: false,
  explicitSnapshots: false,
}

/** See {@link createMemoryStore}. */
class MemoryStore extends AbstractLevel<string, string, unknown> {
  readonly #table: KeyTable
  readonly #json: boolean
  readonly #sublevels: Map<string, KeyTable> = new Map()
  readonly #path: string
  readonly #keeps: boolean

  constructor(keeps = false) {
    const inside = given
    given = undefined
    const valueEncoding = inside?.valueEncoding ?? 'utf8'
    super(manifest, { valueEncoding })
    if (valueEncoding !== 'utf8' && valueEncoding !== 'json')
      throw new TypeError(`values are utf8 or json in memory, not ${valueEncoding}`)
    this.#table = inside?.table ?? new KeyTable()
    this.#json = valueEncoding === 'json'
    this.#path = inside?.path ?? ''
    this.#keeps = inside?.keeps ?? keeps
    this.#sublevels = inside?.sublevels ?? this.#sublevels
  }

  override sublevel<K = string, V = string>(
    name: string | string[],
    options: SublevelOptions | object = {},
  ): AbstractSublevel<typeof this, string, K, V> {
    const path = `${this.#path}!${[name].flat().join('!')}!`
    const table = this.#sublevels.get(path) ?? new KeyTable()
    this.#sublevels.set(path, table)
    const { valueEncoding } = options as SublevelOptions
    given = {
      table,
      path,
      sublevels: this.#sublevels,
      keeps: this.#keeps,
      ...(valueEncoding === undefined ? {} : { valueEncoding }),
    }
    return new MemoryStore() as never
  }

  // Straight to the table; whoever brings encodings or other options takes the long way.

  override async put(key: string, value: unknown, options?: object): Promise<void> {
    if (!this.#isPlain(options)) return super.put(key, value, options as never)
    this.#table.put(key, this.#encode(value))
  }

  override get(key: string, options?: object): Promise<unknown> {
    return this.#isPlain(options)
      ? Promise.resolve(this.#decode(this.#table.get(key)))
      : super.get(key, options as never)
  }

  override async del(key: string, options?: object): Promise<void> {
    if (!this.#isPlain(options)) return super.del(key, options as never)
    this.#table.delete(key)
  }

  override batch(): never
  override batch(operations: readonly unknown[], options?: object): Promise<void>
  override batch(operations?: readonly unknown[], options?: object): Promise<void> {
    if (operations === undefined || !this.#isPlain(options))
      return super.batch(operations as never, options as never)
    for (const operation of operations as readonly Operation[]) {
      const target = operation.sublevel ?? this
      if (operation.type === 'put')
        target.#table.put(operation.key, target.#encode(operation.value, operation.valueEncoding))
      else target.#table.delete(operation.key)
    }
    return Promise.resolve()
  }

  // What abstract-level asks for, in texts.

  async _put(key: string, value: string): Promise<void> {
    this.#table.put(key, value)
  }

  async _get(key: string): Promise<string | undefined> {
    return this.#table.get(key)
  }

  async _getMany(keys: readonly string[]): Promise<(string | undefined)[]> {
    return keys.map((key) => this.#table.get(key))
  }

  async _has(key: string): Promise<boolean> {
    return this.#table.has(key)
  }

  async _del(key: string): Promise<void> {
    this.#table.delete(key)
  }

  async _clear(range: Range): Promise<void> {
    const iterator = new MemoryIterator(this, range, this.#table)
    const most = range.limit === undefined || range.limit < 0 ? Infinity : range.limit
    for (const [key] of iterator.take(most)) this.#table.delete(key)
    await iterator.close()
  }

  _iterator(range: Range): AbstractIterator<MemoryStore, string, string> {
    return new MemoryIterator(this, range, this.#table)
  }

  #isPlain(options: object | undefined): boolean {
    if (this.status !== 'open' && this.status !== 'opening') return false
    return (
      options === undefined ||
      !('valueEncoding' in options || 'keyEncoding' in options || 'snapshot' in options)
    )
  }

  #encode(value: unknown, encoding?: string): TableValue {
    const json = encoding === undefined ? this.#json : encoding === 'json'
    if (!json) return String(value)
    return this.#keeps && typeof value === 'object' && value !== null ? value : JSON.stringify(value)
  }

  #decode(value: string | undefined): unknown {
    return value === undefined || !this.#json ? value : JSON.parse(value)
  }
}

/** What a sublevel is made of; the constructor of a database takes no such argument. */
let given:
  | {
      readonly table: KeyTable
      readonly path: string
      readonly sublevels: Map<string, KeyTable>
      readonly keeps: boolean
      readonly valueEncoding?: string
    }
  | undefined

class MemoryIterator extends AbstractIterator<MemoryStore, string, string> {
  readonly #range: Range
  readonly #table: KeyTable
  #last: string | undefined

  constructor(store: MemoryStore, range: Range, table: KeyTable) {
    super(store, range)
    this.#range = range
    this.#table = table
  }

  /** The next entries, at most so many. */
  take(most: number): [string, string][] {
    const isValued = this.#range.values !== false
    const entries: [string, string][] = []
    while (entries.length < most) {
      const key = this.#nextKey()
      if (key === undefined) break
      this.#last = key
      entries.push([key, (isValued ? this.#table.get(key) : undefined) as string])
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
    const keys = this.#table.sorted()
    const key =
      reverse === true
        ? this.#last === undefined
          ? keys.before(lte ?? lt, lte === undefined)
          : keys.before(this.#last, true)
        : this.#last === undefined
          ? keys.after(gte ?? gt ?? '', gte === undefined && gt !== undefined)
          : keys.after(this.#last, true)
    if (key === undefined) return undefined
    if (reverse === true) return isAbove(key, gt, gte) ? key : undefined
    return (lt === undefined || key < lt) && (lte === undefined || key <= lte) ? key : undefined
  }
}

function isAbove(key: string, gt: string | undefined, gte: string | undefined): boolean {
  return (gt === undefined || key > gt) && (gte === undefined || key >= gte)
}

/**
 * A database of the `abstract-level` family in memory that answers within the turn it is asked in: nothing waits for the
 * host, so that a virtual clock knows when all is quiet. It is made for many small writes: reads, writes and batches go
 * straight to its tables, a sublevel has tables of its own (which its parent does not list), and keys are put in order when
 * somebody asks for the order. Iterators see changes that are made behind where they are.
 *
 * Keys are texts; values are texts, or with `valueEncoding: 'json'` plain data, which is copied in and out.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.keepsValues === true)
}
