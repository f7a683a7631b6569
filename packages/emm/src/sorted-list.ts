/** Short enough that an insertion into one is a small copy, long enough that there are few. */
const longestChunk = 512

/**
 * Entries in a total order, each once. Adding, removing and finding the first cost a binary search and a copy of at
 * most 512 places, however many entries there are. What an entry is ordered by must not change while it is in.
 */
export class SortedList<Entry> implements Iterable<Entry> {
  readonly #compare: (a: Entry, b: Entry) => number
  readonly #chunks: Entry[][] = []
  #size = 0

  /** `compare` gives 0 only for the same entry. */
  constructor(compare: (a: Entry, b: Entry) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  first(): Entry | undefined {
    return this.#chunks[0]?.[0]
  }

  /** Adds an entry; one that is in already is replaced. */
  add(entry: Entry): void {
    const at = Math.min(this.#chunkOf(entry), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([entry])
      this.#size = 1
      return
    }
    const place = this.#placeIn(chunk, entry)
    const there = chunk[place]
    if (there !== undefined && this.#compare(there, entry) === 0) {
      chunk[place] = entry
      return
    }
    chunk.splice(place, 0, entry)
    this.#size += 1
    if (chunk.length > longestChunk) this.#chunks.splice(at + 1, 0, chunk.splice(longestChunk / 2))
  }

  /** Removes an entry; tells whether it was in. */
  delete(entry: Entry): boolean {
    const at = this.#chunkOf(entry)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const place = this.#placeIn(chunk, entry)
    const there = chunk[place]
    if (there === undefined || this.#compare(there, entry) !== 0) return false
    chunk.splice(place, 1)
    this.#size -= 1
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    return true
  }

  *[Symbol.iterator](): Generator<Entry, undefined> {
    for (const chunk of this.#chunks) yield* chunk
    return undefined
  }

  /** The first chunk whose last entry is not before this one. */
  #chunkOf(entry: Entry): number {
    return firstNotBefore(this.#chunks.length, (at) => {
      const last = this.#chunks[at]?.at(-1)
      return last !== undefined && this.#compare(last, entry) < 0
    })
  }

  /** The first place in a chunk that is not before this entry. */
  #placeIn(chunk: readonly Entry[], entry: Entry): number {
    return firstNotBefore(chunk.length, (at) => this.#compare(chunk[at] as Entry, entry) < 0)
  }
}

/** The least index for which `isBefore` is false, by bisection. */
function firstNotBefore(length: number, isBefore: (at: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}
