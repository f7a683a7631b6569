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
   * What is kept of plain data that is put: `copies`; the `values` as they are given, copied only when they are read, so
   * that whoever puts them must not change them after; or `nothing` of anything, for who reads only what it finds at its
   * start, where nobody starts again.
   * @default 'copies'
   */
  readonly keeps?: 'copies' | 'values' | 'nothing'
}

interface SublevelOptions {
  readonly valueEncoding?: string
}

interface BatchOptions extends SublevelOptions {
  readonly keyEncoding?: string
}

function isJson(valueEncoding: string): boolean {
  if (valueEncoding !== 'utf8' && valueEncoding !== 'json')
    throw new TypeError(`values are utf8 or json in memory, not ${valueEncoding}`)
  return valueEncoding === 'json'
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
  readonly #keeps: NonNullable<MemoryStoreOptions['keeps']>

  constructor(keeps: NonNullable<MemoryStoreOptions['keeps']> = 'copies') {
    const inside = given
    given = undefined
    const valueEncoding = inside?.valueEncoding ?? 'utf8'
    super(manifest, { valueEncoding })
    this.#table = inside?.table ?? new KeyTable()
    this.#json = isJson(valueEncoding)
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
    if (this.#keeps !== 'nothing') this.#table.put(key, this.#encode(value))
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
    if (operations === undefined || !this.#isOpen()) return super.batch(operations as never, options as never)
    if (this.#keeps === 'nothing') return Promise.resolve()
    if (options === undefined && this.#keepsAll(operations as readonly Operation[])) return over
    return new Promise((resolve) => resolve(this.#take(operations as readonly Operation[], options)))
  }

  // What abstract-level asks for, in texts.

  async _put(key: string, value: string): Promise<void> {
    if (this.#keeps !== 'nothing') this.#table.put(key, value)
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

  /** Carries out operations whose values are kept as they are, which can't fail; false where some are not, and nothing is done. */
  #keepsAll(operations: readonly Operation[]): boolean {
    if (this.#keeps !== 'values') return false
    for (const operation of operations) {
      if (operation.type === 'del') continue
      const { value, valueEncoding, sublevel = this } = operation
      if (valueEncoding !== undefined || !sublevel.#json || typeof value !== 'object' || value === null)
        return false
    }
    for (const operation of operations) {
      const { key, sublevel = this } = operation
      if (operation.type === 'put') sublevel.#table.put(key, operation.value as object)
      else sublevel.#table.delete(key)
    }
    return true
  }

  /** All of them or, where one can't be meant, none. */
  #take(operations: readonly Operation[], { valueEncoding, keyEncoding }: BatchOptions = {}): void {
    if (keyEncoding !== undefined && keyEncoding !== 'utf8')
      throw new TypeError(`keys are utf8 in memory, not ${keyEncoding}`)
    const values: (TableValue | undefined)[] = []
    for (const operation of operations) {
      const { sublevel = this } = operation
      const encoding = operation.type === 'put' ? (operation.valueEncoding ?? valueEncoding) : undefined
      values.push(operation.type === 'put' ? sublevel.#encode(operation.value, encoding) : undefined)
    }
    for (let at = 0; at < values.length; at += 1) {
      const { key, sublevel = this } = operations[at] as Operation
      const value = values[at]
      if (value === undefined) sublevel.#table.delete(key)
      else sublevel.#table.put(key, value)
    }
  }

  #isOpen(): boolean {
    return this.status === 'open' || this.status === 'opening'
  }

  #isPlain(options: object | undefined): boolean {
    if (!this.#isOpen()) return false
    return (
      options === undefined ||
      !('valueEncoding' in options || 'keyEncoding' in options || 'snapshot' in options)
    )
  }

  #encode(value: unknown, encoding?: string): TableValue {
    const json = encoding === undefined ? this.#json : isJson(encoding)
    if (!json) return String(value)
    return this.#keeps === 'values' && typeof value === 'object' && value !== null
      ? value
      : JSON.stringify(value)
  }

  #decode(value: string | undefined): unknown {
    return value === undefined || !this.#json ? value : JSON.parse(value)
  }
}

const over = Promise.resolve()

/** What a sublevel is made of; the constructor of a database takes no such argument. */
let given:
  | {
      readonly table: KeyTable
      readonly path: string
      readonly sublevels: Map<string, KeyTable>
      readonly keeps: NonNullable<MemoryStoreOptions['keeps']>
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
  return new MemoryStore(options.keeps)
}
