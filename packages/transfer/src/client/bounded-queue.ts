/** A row of a few items between two tasks of one thread: one puts in and waits for room, the other takes out and waits for more. */
export class BoundedQueue<Item> {
  readonly #most: number
  readonly #items: Item[] = []
  #ended = false
  #wakePutter: (() => void) | undefined
  #wakeTaker: (() => void) | undefined

  /** @param most - items that are in it at once, from 1 */
  constructor(most: number) {
    this.#most = most
  }

  /** Resolves when there is room for one more. */
  async room(): Promise<void> {
    while (this.#items.length >= this.#most)
      await new Promise<void>((resolve) => (this.#wakePutter = resolve))
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#wakeTaker?.()
  }

  /** No more will come. */
  end(): void {
    this.#ended = true
    this.#wakeTaker?.()
  }

  /** The next item, `undefined` after the end. */
  async take(): Promise<Item | undefined> {
    while (this.#items.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => (this.#wakeTaker = resolve))
    const item = this.#items.shift()
    this.#wakePutter?.()
    return item
  }
}
