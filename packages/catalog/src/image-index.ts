import { type ImageRecord, NbError, type Store } from '@nb/contracts'
import { encodeName } from './image-folder.ts'
import { indexKeys, KeySum, timeKey, treesPrefix } from './index-keys.ts'

/** What tells, without reading it, whether a header is still the one that was indexed. */
export interface HeaderStamp {
  readonly sizeBytes: number
  readonly modifiedAt: number
}

/** An image in the index. */
export interface IndexedImage {
  readonly image: ImageRecord
  readonly stamp: HeaderStamp
}

/** Bounds of a listing by time; both count in. */
export interface ListRange {
  /** Family and name, such as `client/web1/`. */
  readonly prefix: string
  readonly from?: number
  readonly to?: number
}

const formatKey = 'format'
const format = 'nb-catalog-index/3'
/** Survives a loss of power; stores without a disk leave it out of account. */
const durably: object = { sync: true }
/** Records fetched at once while listing: at first, and where many are asked for. */
const firstPage = 32
const nextPages = 256
/** Records that are kept decoded. */
const keptRecords = 4096
/** Rows of which it is kept how they end. */
const keptRows = 1024

/** What is known of all images, quickly found. Everything in it can be made again from the headers. */
export class ImageIndex {
  readonly #store: Store
  readonly #meta
  readonly #images
  readonly #keys
  /** Decoded records, the one kept first at the beginning. */
  readonly #kept = new Map<string, IndexedImage>()
  /** Grows with every change: what was read before it is not kept after it. */
  #changes = 0
  /** The last key of rows that were asked for, `undefined` of an empty one; until the next change. */
  readonly #lastKeys = new Map<string, Row | undefined>()
  /** The rows of policies' backups of clients that were asked for; until the next change. */
  readonly #treesOf = new Map<string, readonly string[]>()

  constructor(store: Store) {
    this.#store = store
    this.#meta = store.sublevel<string, string>('meta', {})
    this.#images = store.sublevel<string, IndexedImage>('images', { valueEncoding: 'json' })
    this.#keys = store.sublevel<string, string>('keys', {})
  }

  /** The stamps of all indexed images, or `undefined` when the index is missing, of another form, or damaged. */
  async load(): Promise<Map<string, HeaderStamp> | undefined> {
    if ((await this.#meta.get(formatKey)) !== format) return undefined
    const stamps = new Map<string, HeaderStamp>()
    const isSound = await this.#compare((backupId, { stamp }) => stamps.set(backupId, stamp))
    return isSound ? stamps : undefined
  }

  /** Whether its keys are those that its records give. */
  isSound(): Promise<boolean> {
    return guarded(() => this.#compare(() => undefined))
  }

  async #compare(visit: (backupId: string, indexed: IndexedImage) => void): Promise<boolean> {
    const expected = new KeySum()
    for await (const [backupId, indexed] of this.#images.iterator()) {
      visit(backupId, indexed)
      for (const key of indexKeys(indexed.image)) expected.add(key, backupId)
    }
    const found = new KeySum()
    for await (const [key, backupId] of this.#keys.iterator()) found.add(key, backupId)
    return found.equals(expected)
  }

  /** Makes all keys anew from the records. */
  async makeKeys(): Promise<void> {
    await guarded(async () => {
      await this.#keys.clear()
      for await (const [backupId, { image }] of this.#images.iterator()) {
        const batch = this.#store.batch()
        for (const key of indexKeys(image)) batch.put(key, backupId, { sublevel: this.#keys })
        await batch.write(durably)
      }
    })
  }

  /** The ids of all indexed images. */
  async *ids(): AsyncGenerator<string, void, undefined> {
    for await (const backupId of this.#images.keys()) yield backupId
  }

  /** Empties it and makes it one of this form. */
  async reset(): Promise<void> {
    this.#changed()
    this.#kept.clear()
    await Promise.all([this.#images.clear(), this.#keys.clear(), this.#meta.clear()])
    await this.#meta.put(formatKey, format, durably)
  }

  /** Brings in, replaces or takes out one image, durably and in one step. */
  async set(backupId: string, indexed: IndexedImage | undefined): Promise<void> {
    this.#forget(backupId)
    await guarded(async () => {
      const before = await this.#images.get(backupId)
      const keep = new Set(indexed === undefined ? [] : indexKeys(indexed.image))
      const stale = before === undefined ? [] : indexKeys(before.image).filter((key) => !keep.has(key))
      const batch = this.#store.batch()
      for (const key of stale) batch.del(key, { sublevel: this.#keys })
      for (const key of keep) batch.put(key, backupId, { sublevel: this.#keys })
      if (indexed === undefined) batch.del(backupId, { sublevel: this.#images })
      else batch.put(backupId, indexed, { sublevel: this.#images })
      await batch.write(durably)
    }).finally(() => this.#forget(backupId))
  }

  #forget(backupId: string): void {
    this.#changed()
    this.#kept.delete(backupId)
  }

  #changed(): void {
    this.#changes += 1
    this.#lastKeys.clear()
    this.#treesOf.clear()
  }

  /** Records by id, from memory where they are kept. */
  async #records(ids: readonly string[]): Promise<(IndexedImage | undefined)[]> {
    const found = ids.map((id) => this.#kept.get(id))
    const missing = ids.filter((_, at) => found[at] === undefined)
    if (missing.length === 0) return found
    const changes = this.#changes
    const read = await guarded(() => this.#images.getMany(missing))
    let next = 0
    return found.map((indexed, at) => {
      if (indexed !== undefined) return indexed
      const fresh = read[next++]
      if (fresh !== undefined && changes === this.#changes) this.#keep(ids[at] as string, fresh)
      return fresh
    })
  }

  #keep(backupId: string, indexed: IndexedImage): void {
    this.#kept.set(backupId, indexed)
    if (this.#kept.size <= keptRecords) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      return
    }
  }

  /** The record, as indexed. */
  async get(backupId: string): Promise<ImageRecord | undefined> {
    return (await this.#records([backupId]))[0]?.image
  }

  /** The record as the database has it, whatever is in memory. */
  async getStored(backupId: string): Promise<ImageRecord | undefined> {
    this.#forget(backupId)
    return guarded(async () => (await this.#images.get(backupId))?.image)
  }

  /** Images of a range, newest first, fetched as they are asked for. */
  async *list({ prefix, from, to }: ListRange): AsyncGenerator<ImageRecord, void, undefined> {
    const lower = from === undefined ? prefix : `${prefix}${timeKey(from)}`
    const upper = to === undefined ? `${prefix}~` : `${prefix}${timeKey(to)}~`
    const last = await this.#lastKey(prefix)
    if (last === undefined || last.key < lower) return
    // Most ask for the newest and no more.
    const [newest] = last.key < upper ? await this.#records([last.backupId]) : []
    if (newest !== undefined) yield newest.image
    const lt = last.key < upper ? last.key : upper
    yield* this.#fetch(this.#keys.values({ gte: lower, lt, reverse: true }))
  }

  async #lastKey(prefix: string): Promise<Row | undefined> {
    if (this.#lastKeys.has(prefix)) return this.#lastKeys.get(prefix)
    const changes = this.#changes
    const range = { gte: prefix, lt: `${prefix}~`, reverse: true, limit: 1 }
    const [found] = await guarded(() => this.#keys.iterator(range).all())
    const last = found === undefined ? undefined : { key: found[0], backupId: found[1] }
    if (changes === this.#changes) keepFew(this.#lastKeys, prefix, last)
    return last
  }

  /** For each policy that has backups of a client, the prefix of a {@link list} of them. */
  async trees(client: string): Promise<readonly string[]> {
    const kept = this.#treesOf.get(client)
    if (kept !== undefined) return kept
    const changes = this.#changes
    const prefix = treesPrefix(client)
    const trees: string[] = []
    // One lookup each, however many backups there are.
    for (let before = `${prefix}~`; ;) {
      const range = { gte: prefix, lt: before, reverse: true, limit: 1 }
      const [key] = await guarded(() => this.#keys.keys(range).all())
      if (key === undefined) break
      before = key.slice(0, key.indexOf('/', prefix.length) + 1)
      trees.push(before)
    }
    if (changes === this.#changes) keepFew(this.#treesOf, client, trees)
    return trees
  }

  /** Complete images that are not to be kept after `now`, soonest first. */
  async *due(now: number): AsyncGenerator<ImageRecord, void, undefined> {
    yield* this.#fetch(this.#keys.values({ gte: 'due/', lt: `due/${timeKey(now)}~` }))
  }

  /** Ids of the images that need this one. */
  async neededBy(backupId: string): Promise<string[]> {
    const prefix = `need/${encodeName(backupId)}/`
    return guarded(() => this.#keys.values({ gte: prefix, lt: `${prefix}~` }).all())
  }

  async *#fetch(ids: Ids): AsyncGenerator<ImageRecord, void, undefined> {
    try {
      for (
        let page = await nextPage(ids, firstPage);
        page.length > 0;
        page = await nextPage(ids, nextPages)
      ) {
        const found = await this.#records(page)
        // One that left the catalog since its key was read is left out.
        for (const indexed of found) if (indexed !== undefined) yield indexed.image
      }
    } finally {
      await ids.close()
    }
  }
}

/** A place in a row of images. */
interface Row {
  readonly key: string
  readonly backupId: string
}

function keepFew<Value>(kept: Map<string, Value>, name: string, value: Value): void {
  if (kept.size >= keptRows) kept.clear()
  kept.set(name, value)
}

interface Ids {
  nextv(size: number): Promise<string[]>
  close(): Promise<void>
}

function nextPage(ids: Ids, size: number): Promise<string[]> {
  return guarded(() => ids.nextv(size))
}

async function guarded<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw storeFailure(error)
  }
}

/** A failure of the store as `store-corrupt` or `store-failed`. */
export function storeFailure(error: unknown): NbError {
  const code = (error as { readonly code?: string }).code
  const corrupt = code === 'LEVEL_CORRUPTION' || code === 'LEVEL_DECODING_ERROR'
  return corrupt
    ? new NbError(
        'store-corrupt',
        'the index of the catalog is damaged; restart, and it is made again from the headers',
        {
          cause: error,
        },
      )
    : new NbError('store-failed', `the index of the catalog can't be used: ${(error as Error).message}`, {
        cause: error,
      })
}
