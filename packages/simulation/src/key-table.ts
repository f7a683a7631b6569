import { SortedKeys } from './sorted-keys.ts'

/** Plain data that is written out as JSON when it is read. */
export class Unwritten {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** Texts by key. New keys are put in order only when the order is asked for: most are gone before. */
export class KeyTable {
  readonly #values = new Map<string, string | Unwritten>()
  readonly #keys: SortedKeys = new SortedKeys()
  readonly #fresh = new Set<string>()

  /** The value of a key. */
  get(key: string): string | undefined {
    const value = this.#values.get(key)
    return value instanceof Unwritten ? JSON.stringify(value.value) : value
  }

  /** Sets the value of a key. */
  put(key: string, value: string | Unwritten): void {
    const { size } = this.#values
    this.#values.set(key, value)
    if (this.#values.size > size) this.#fresh.add(key)
  }

  /** Whether there is such a key. */
  has(key: string): boolean {
    return this.#values.has(key)
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
