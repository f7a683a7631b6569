/** What a heap holds: it notes where it stands, so that it is found again. In one heap at a time. */
export interface HeapItem {
  /** -1 while in no heap. Only the heap writes it. */
  position: number
}

/** Of every heap that holds one item or none. */
const noItems: readonly never[] = []

/** A binary heap whose items can be moved or removed from anywhere in it: every change is O(log n). */
export class IndexedHeap<Item extends HeapItem> {
  /** By itself, as most heaps of a long queue hold one item, and nearly all that is asked is this one. */
  #first: Item | undefined
  /** All items, where they are two or more or were so; else empty. */
  #items: Item[] = noItems as readonly Item[] as Item[]
  readonly #compare: (a: Item, b: Item) => number

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare
  }

  /** How many items it holds. */
  get size(): number {
    return this.#items.length || (this.#first === undefined ? 0 : 1)
  }

  /** The first, which stays. */
  peek(): Item | undefined {
    return this.#first
  }

  /** Adds an item, or moves it to where it belongs after its order changed. */
  put(item: Item): void {
    if (item.position < 0) {
      if (this.#first === undefined) {
        this.#first = item
        item.position = 0
        return
      }
      if (this.#items.length === 0) this.#items = [this.#first, item]
      else this.#items.push(item)
      item.position = this.#items.length - 1
    }
    if (this.#items.length > 0 && !this.#rise(item)) this.#sink(item)
  }

  /** Takes an item out; one that is in no heap is left alone. */
  remove(item: Item): void {
    const at = item.position
    if (at < 0) return
    item.position = -1
    if (this.#items.length < 2) {
      this.#first = undefined
      this.#items = noItems as readonly Item[] as Item[]
      return
    }
    const last = this.#items.pop() as Item
    if (last !== item) this.#fill(at, last)
  }

  /** All items, in no order. */
  values(): IterableIterator<Item> {
    const only = this.#first === undefined ? [] : [this.#first]
    return (this.#items.length > 0 ? this.#items : only).values()
  }

  #place(item: Item, at: number): void {
    this.#items[at] = item
    item.position = at
    if (at === 0) this.#first = item
  }

  /** Puts what was last where one went. It belongs near the end: the hole goes there, and it rises from there. */
  #fill(hole: number, last: Item): void {
    const { length } = this.#items
    let at = hole
    for (let left = 2 * at + 1; left < length; left = 2 * at + 1) {
      const smaller = this.#smaller(left, length)
      this.#place(this.#items[smaller] as Item, at)
      at = smaller
    }
    last.position = at
    this.#rise(last)
  }

  /** Of a child and its neighbour, which may not be there, the one that goes before. */
  #smaller(left: number, length: number): number {
    const right = left + 1
    return right < length && this.#compare(this.#items[right] as Item, this.#items[left] as Item) < 0
      ? right
      : left
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
    for (let left = 2 * at + 1; left < length; left = 2 * at + 1) {
      const smaller = this.#smaller(left, length)
      const child = this.#items[smaller] as Item
      if (this.#compare(item, child) <= 0) break
      this.#place(child, at)
      at = smaller
    }
    this.#place(item, at)
  }
}
