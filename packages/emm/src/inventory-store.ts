import { NbError, type Store, checkStoreForm, formWrite, readStoreForm } from '@nb/contracts'
import { type Change, Inventory, type Tables } from './inventory.ts'
import type { Held } from './held.ts'
import { presentForm } from './upgrade.ts'
import {
  validDrive,
  validError,
  validGroup,
  validImage,
  validMediaServer,
  validNeed,
  validPool,
  validRobot,
  validStorageUnit,
  validVolume,
} from './valid-configuration.ts'

/** The inventory at rest: a sublevel for each table, JSON values; sublevel `form` has the number of its form. */
export interface InventoryStore {
  /**
   * Reads all of it, with the form that it has: 1 where none is noted. Rejects with `version-unsupported` before anything is
   * read of a store of a newer form; `store-corrupt` naming the entry, `store-failed`.
   */
  load(): Promise<{ readonly inventory: Inventory; readonly form: number }>
  /** Makes the first changes durable, and that the store has the present form from now on. Rejects with `store-failed`. */
  begin(changes: readonly Change[]): Promise<void>
  /** Makes all changes durable or none. Rejects with `store-failed`. */
  write(changes: readonly Change[]): Promise<void>
}

const owner = 'the media manager’s store'

/** The order matters: an entry comes after those that it refers to. */
const tables = [
  'units',
  'mediaServers',
  'robots',
  'groups',
  'pools',
  'volumes',
  'drives',
  'images',
  'errors',
  'allocations',
  'selections',
] as const

/** The family's databases take `sync` each by its own options; `abstract-level` names only the common ones. */
const durable: object = { sync: true }

/** The tables of an inventory in a store. */
export function inventoryStore(store: Store): InventoryStore {
  const open = <Value>(name: string) => store.sublevel<string, Value>(name, { valueEncoding: 'json' })
  const levels = Object.fromEntries(tables.map((table) => [table, open<unknown>(table)])) as Record<
    keyof Tables,
    ReturnType<typeof open<unknown>>
  >

  const readTable = async (table: keyof Tables): Promise<Change[]> => {
    const changes: Change[] = []
    try {
      // As text, so that an entry that is not JSON can be named.
      for await (const [key, text] of levels[table].iterator<string, string>({ valueEncoding: 'utf8' }))
        changes.push(readEntry(table, key, text))
    } catch (error) {
      throw readFailure(table, error)
    }
    return changes
  }
  const write = (changes: readonly Change[], form?: number): Promise<void> => {
    const operations = changes.map(({ table, key, value }) =>
      value === undefined
        ? { type: 'del' as const, sublevel: levels[table], key }
        : { type: 'put' as const, sublevel: levels[table], key, value },
    )
    const note = form === undefined ? [] : [formWrite(store, form)]
    return store.batch<string, unknown>([...operations, ...note], durable).catch(writeFailed)
  }
  return {
    load: async () => {
      const inventory = new Inventory()
      const form = await readStoreForm(store, owner)
      checkStoreForm(form, presentForm, owner)
      for (const table of tables) {
        const changes = await readTable(table)
        for (const change of table === 'allocations' ? byAge(changes) : changes) inventory.apply(change)
      }
      return { inventory, form }
    },
    begin: (changes) => write(changes, presentForm),
    write: (changes) => write(changes),
  }
}

function readEntry(table: keyof Tables, key: string, text: string): Change {
  try {
    return { table, key, value: readers[table](JSON.parse(text) as never) } as Change
  } catch (error) {
    throw corrupt(table, key, error)
  }
}

/** Each refuses what could not have been written by a media manager. */
const readers: { readonly [Table in keyof Tables]: (value: Tables[Table]) => Tables[Table] } = {
  units: validStorageUnit,
  mediaServers: validMediaServer,
  robots: validRobot,
  groups: validGroup,
  pools: validPool,
  volumes: validVolume,
  drives: validDrive,
  images: validImage,
  errors: validError,
  allocations: readHeld,
  selections: (value) => {
    if (!Number.isSafeInteger(value)) throw new TypeError('not a number')
    return value
  },
}

function readHeld(value: Held): Held {
  const { allocationId, jobId, storageUnit, since } = value.allocation
  for (const text of [allocationId, jobId, storageUnit])
    if (typeof text !== 'string') throw new TypeError('an allocation without its ids')
  if (!Number.isSafeInteger(since)) throw new TypeError('an allocation without its time')
  return { ...value, need: validNeed(value.need) }
}

function byAge(changes: readonly Change[]): Change[] {
  const since = (change: Change): number =>
    change.table === 'allocations' ? (change.value?.allocation.since ?? 0) : 0
  return [...changes].sort((a, b) => since(a) - since(b))
}

function corrupt(table: string, key: string, cause: unknown): NbError {
  const text = `the media manager's store holds an entry of ${table} that cannot be read: ${key}`
  return new NbError('store-corrupt', text, { cause, details: { table, key } })
}

function writeFailed(cause: unknown): never {
  throw new NbError('store-failed', 'the media manager could not write to its store', { cause })
}

function readFailure(table: string, error: unknown): NbError {
  if (error instanceof NbError) return error
  if ((error as { code?: unknown }).code === 'LEVEL_CORRUPTION') return corrupt(table, '(unknown)', error)
  return new NbError('store-failed', 'the media manager could not read its store', { cause: error })
}
