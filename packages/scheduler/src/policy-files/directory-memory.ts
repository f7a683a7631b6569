import type { Policy, RetentionLevel, Store } from '@nb/contracts'

/** What a policy and its file were when they were last the same. */
export interface KnownPolicy {
  readonly file: string
  readonly hash: string
  readonly generation: number
  /** The levels that the periods in the file stood for, by milliseconds. */
  readonly periods?: Readonly<Record<string, number>>
  /** What the file said before it was written to, and when that was. */
  readonly writtenOver?: { readonly policy: Policy; readonly at: number }
  /** That the file has an edit which was not taken, as the policy was changed otherwise. */
  readonly isConflict?: true
}

/** What the retention table and its file were when they were last the same. */
export interface KnownTable {
  /** Absent where there was none. */
  readonly file?: string
  readonly hash?: string
  /** Rows that are not the field's. */
  readonly levels: readonly RetentionLevel[]
}

/** What a policy directory remembers, durably. */
export interface DirectoryMemory {
  /** By the names of policies. */
  policies(): Promise<Map<string, KnownPolicy>>
  policy(name: string): Promise<KnownPolicy | undefined>
  /** With `aside`, the hash of the file that was set aside when this one was put in its place. */
  putPolicy(name: string, entry: KnownPolicy, aside?: string): Promise<void>
  /** With `aside`, the hash of the file that was taken away. */
  dropPolicy(name: string, file: string, aside?: string): Promise<void>
  table(): Promise<KnownTable | undefined>
  putTable(table: KnownTable, aside?: string): Promise<void>
  /** The hash of the file that was set aside by a change that was completed. */
  aside(file: string): Promise<string | undefined>
  dropAside(file: string): Promise<void>
}

/** Remembers in sublevels of `store`. */
export function createDirectoryMemory(store: Store): DirectoryMemory {
  const known = store.sublevel<string, KnownPolicy>('policy-files', { valueEncoding: 'json' })
  const tables = store.sublevel<string, KnownTable>('retention-file', { valueEncoding: 'json' })
  const asides = store.sublevel<string, string>('files-aside', { valueEncoding: 'json' })
  const sync = { sync: true } as object
  const asideOf = (file: string | undefined, hash: string | undefined) =>
    file === undefined || hash === undefined
      ? []
      : [{ type: 'put' as const, sublevel: asides, key: file, value: hash }]
  return {
    policies: async () => new Map(await known.iterator().all()),
    policy: (name) => known.get(name),
    putPolicy: (name, entry, aside) =>
      store.batch(
        [
          { type: 'put' as const, sublevel: known, key: name, value: entry },
          ...asideOf(entry.file, aside),
        ] as never,
        sync,
      ),
    dropPolicy: (name, file, aside) =>
      store.batch(
        [{ type: 'del' as const, sublevel: known, key: name }, ...asideOf(file, aside)] as never,
        sync,
      ),
    table: () => tables.get('table'),
    putTable: (table, aside) =>
      store.batch(
        [
          { type: 'put' as const, sublevel: tables, key: 'table', value: table },
          ...asideOf(table.file, aside),
        ] as never,
        sync,
      ),
    aside: (file) => asides.get(file),
    dropAside: (file) => asides.del(file, sync),
  }
}
