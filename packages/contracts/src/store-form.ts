import type { AbstractBatchPutOperation, AbstractSublevel } from 'abstract-level'
import { NbError } from './errors.ts'
import type { Store } from './store.ts'

const key = 'form'

/** The family's databases take `sync` each by its own options; `abstract-level` names only the common ones. */
const durable: object = { sync: true }

/** Where a store notes the form of what it holds: the key `form` of its sublevel `form`, a JSON number. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the encoding of a store's own keys is its own affair
function formLevel(store: Store): AbstractSublevel<Store, any, string, string> {
  return store.sublevel<string, string>('form', { valueEncoding: 'utf8' })
}

/**
 * The form that a store notes; 1 where it notes none, as stores of before there were several.
 *
 * @param owner - whose store it is, as an administrator knows it, such as `the media manager's store`
 * @throws NbError `store-corrupt` for a note that is no number, `store-failed`
 */
export async function readStoreForm(store: Store, owner: string): Promise<number> {
  let note: string | undefined
  try {
    note = await formLevel(store).get(key)
  } catch (cause) {
    throw new NbError('store-failed', `the form of ${owner} could not be read`, { cause })
  }
  if (note === undefined) return 1
  if (/^[1-9]\d{0,8}$/.test(note)) return Number(note)
  throw new NbError('store-corrupt', `${owner} holds a note of its form that cannot be read`, {
    details: { table: 'form', key },
  })
}

/** Throws `version-unsupported` for a form that is newer than the newest that this version knows. */
export function checkStoreForm(form: number, known: number, owner: string): void {
  if (form <= known) return
  throw new NbError(
    'version-unsupported',
    `${owner} has form ${form}, this version knows up to ${known}; use a newer version`,
    { details: { form, known } },
  )
}

/** The write that notes a form; for a batch of the whole store together with what brings the store to that form. */
export function formWrite(store: Store, form: number): AbstractBatchPutOperation<Store, string, unknown> {
  return { type: 'put', sublevel: formLevel(store), key, value: String(form) }
}

/**
 * For a store whose older forms are understood record by record, as they are read: refuses one of a newer form before anything
 * of it is read, and notes durably that records of the present form may be in it, before the first is written.
 *
 * @throws NbError `version-unsupported`, `store-corrupt`, `store-failed`
 */
export async function enterStore(store: Store, present: number, owner: string): Promise<void> {
  const form = await readStoreForm(store, owner)
  checkStoreForm(form, present, owner)
  if (form === present) return
  try {
    await store.batch<string, unknown>([formWrite(store, present)], durable)
  } catch (cause) {
    throw new NbError('store-failed', `the form of ${owner} could not be noted`, { cause })
  }
}
