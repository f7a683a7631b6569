import { SortedKeys } from './sorted-keys.ts'

/** A text, or plain data that is written out as JSON when it is read. */
export type TableValue = string | object

/** New keys are looked through for those that are gone when there are so many more of them than keys. */
const spareKeys = 1000

/** Values by key, read as texts. New keys are put in order only when the order is asked for: most are gone before. */
export class KeyTable {
  readonly #values = new Map<string, TableValue>()
  readonly #keys: SortedKeys = new SortedKeys()
  /** Keys that came since the order was asked for; some are gone again, or came twice. */
  #fresh: string[] = []

  /** The value of a key. */
  get(key: string): string | undefined {
    const value = this.#values.get(key)
    return typeof value === 'object' ? JSON.stringify(value) : value
  }

  /** Sets the value of a key. */
  put(key: string, value: TableValue): void {
    const { size } = this.#values
    this.#values.set(key, value)
    if (this.#values.size === size) return
    this.#fresh.push(key)
    if (this.#fresh.length > 2 * size + spareKeys)
      this.#fresh = this.#fresh.filter((fresh) => this.#values.has(fresh))
  }

  /** Whether there is such a key. */
  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** Removes a key; nothing happens when it is not there. */
  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.remove(key)
  }

  /** All keys in order. */
  sorted(): SortedKeys {
    for (const key of this.#fresh) if (this.#values.has(key)) this.#keys.add(key)
    this.#fresh = []
    return this.#keys
  }
}
