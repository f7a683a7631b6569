import type { AbstractLevel } from 'abstract-level'

/**
 * A key-value store: any database of the `abstract-level` family or a sublevel of one. `level` on disk is the
 * default, `memory-level` serves tests. A component opens sublevels of its own with `valueEncoding: 'json'`;
 * a write that makes something reportable passes `{ sync: true }`. The composition opens and closes the database.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- key and value types differ between sublevels of one store
export type Store = AbstractLevel<any, any, any>
