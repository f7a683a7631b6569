import { SortedKeys } from './sorted-keys.ts'

/** Texts by key. New keys are put in order only when the order is asked for: most are gone before. */
export class KeyTable {
  readonly #values = new Map<string, string>()
  readonly #keys: SortedKeys = new SortedKeys()
  readonly #fresh = new Set<string>()

  /** The value of a key. */
  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  /** Sets the value of a key. */
  put(key: string, value: string): void {
    if (!this.#values.has(key)) this.#fresh.add(key)
    this.#values.set(key, value)
  }

  /** Removes a key; nothing happens when it is not there. */
  delete(key: string): void {
    if (this.#values.delete(key) && !this.#fresh.delete(key)) this.#keys.remove(key)
  }

  /** All keys in order. */
  sorted(): SortedKeys {
    for (const key of this.#fresh) this.#keys.add(key)
    this.#fresh.clear()
    return this.#keys
  }
}
