/** What a heap holds: it notes where it stands, so that it is found again. In one heap at a time. */
export interface HeapItem {
  /** -1 while in no heap. Only the heap writes it. */
  position: number
}

/** A binary heap whose items can be moved or removed from anywhere in it: every change is O(log n). */
export class IndexedHeap<Item extends HeapItem> {
  #items: Item[] = []
  readonly #compare: (a: Item, b: Item) => number

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare
  }

  /** How many items it holds. */
  get size(): number {
    return this.#items.length
  }

  /** The first, which stays. */
  peek(): Item | undefined {
    return this.#items[0]
  }

  /** Adds an item, or moves it to where it belongs after its order changed. */
  put(item: Item): void {
    if (item.position < 0) {
      item.position = this.#items.length
      // Most heaps of a long queue hold one item: an array that is born with it has no room to spare.
      if (this.#items.length === 0) this.#items = [item]
      else this.#items.push(item)
    }
    if (!this.#rise(item)) this.#sink(item)
  }

  /** Takes an item out; one that is in no heap is left alone. */
  remove(item: Item): void {
    const at = item.position
    if (at < 0) return
    const last = this.#items.pop() as Item
    item.position = -1
    if (last === item) return
    this.#place(last, at)
    if (!this.#rise(last)) this.#sink(last)
  }

  /** All items, in no order. */
  values(): IterableIterator<Item> {
    return this.#items.values()
  }

  #place(item: Item, at: number): void {
    this.#items[at] = item
    item.position = at
  }

  #rise(item: Item): boolean {
    let at = item.position
    const from = at
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#items[above] as Item
      if (this.#compare(item, parent) >= 0) break
      this.#place(parent, at)
      at = above
    }
    this.#place(item, at)
    return at !== from
  }

  #sink(item: Item): void {
    const { length } = this.#items
    let at = item.position
    for (;;) {
      const left = 2 * at + 1
      if (left >= length) break
      const right = left + 1
      const smaller =
        right < length && this.#compare(this.#items[right] as Item, this.#items[left] as Item) < 0
          ? right
          : left
      const child = this.#items[smaller] as Item
      if (this.#compare(item, child) <= 0) break
      this.#place(child, at)
      at = smaller
    }
    this.#place(item, at)
  }
}
