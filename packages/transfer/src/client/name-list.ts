// A place is the number of a chunk above 18 bits and where a name begins in it.
const CHUNK_SHIFT = 18
const CHUNK_BYTES = 2 ** CHUNK_SHIFT
const CHUNK_MASK = CHUNK_BYTES - 1
const MOST_CHUNKS = 2 ** (32 - CHUNK_SHIFT)
/** Up to so many names are sorted by insertion. */
const FEW = 12

/**
 * The names in one directory: bytes behind one another, each with a NUL behind it, and where each begins. A name costs its
 * length and five bytes, so that directories of millions of names can be walked.
 */
export class NameList {
  readonly #chunks: readonly Uint8Array[]
  readonly #places: Uint32Array

  /** @internal - made by a {@link NameCollector} */
  constructor(chunks: readonly Uint8Array[], places: Uint32Array) {
    this.#chunks = chunks
    this.#places = places
  }

  /** How many there are. */
  get length(): number {
    return this.#places.length
  }

  /** Bytes of a name. */
  lengthAt(index: number): number {
    const place = this.#places[index] as number
    const chunk = this.#chunks[place >>> CHUNK_SHIFT] as Uint8Array
    const start = place & CHUNK_MASK
    let end = start
    while (chunk[end] !== 0) end++
    return end - start
  }

  /** Writes a name's bytes into `target`. */
  copyTo(target: Uint8Array, at: number, index: number): void {
    const place = this.#places[index] as number
    const chunk = this.#chunks[place >>> CHUNK_SHIFT] as Uint8Array
    for (let from = place & CHUNK_MASK, to = at; ; from++, to++) {
      const byte = chunk[from] as number
      if (byte === 0) return
      target[to] = byte
    }
  }

  /** A name: a copy of its bytes. */
  at(index: number): Buffer {
    const name = Buffer.allocUnsafe(this.lengthAt(index))
    this.copyTo(name, 0, index)
    return name
  }

  /** Index of the first name that comes after `name`. The list is sorted. */
  firstAfter(name: Uint8Array): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(this.at(middle), name) > 0) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The names that are wanted, in the order of this list. */
  filter(isWanted: (name: Buffer) => boolean): NameList {
    return new NameList(
      this.#chunks,
      this.#places.filter((_, index) => isWanted(this.at(index))),
    )
  }

  /** Sorts the names by their bytes, in place: by one byte after the other, where many are alike. */
  sort(): this {
    const places = this.#places
    const chunks = this.#chunks
    const byteOf = (place: number, depth: number): number =>
      (chunks[place >>> CHUNK_SHIFT] as Uint8Array)[(place & CHUNK_MASK) + depth] as number
    // Ranges that are left to sort, all names of which are alike up to a depth. No recursion: names may be made to go deep.
    const left = [0, places.length, 0]
    while (left.length > 0) {
      const depth = left.pop() as number
      const high = left.pop() as number
      const low = left.pop() as number
      if (high - low <= FEW) {
        this.#sortFew(low, high, depth)
        continue
      }
      const pivot = median(
        byteOf(places[low] as number, depth),
        byteOf(places[(low + high) >>> 1] as number, depth),
        byteOf(places[high - 1] as number, depth),
      )
      let less = low
      let greater = high
      for (let at = low; at < greater;) {
        const place = places[at] as number
        const byte = byteOf(place, depth)
        if (byte < pivot) {
          places[at++] = places[less] as number
          places[less++] = place
        } else if (byte > pivot) {
          places[at] = places[--greater] as number
          places[greater] = place
        } else at++
      }
      if (less - low > 1) left.push(low, less, depth)
      if (high - greater > 1) left.push(greater, high, depth)
      if (greater - less > 1 && pivot !== 0) left.push(less, greater, depth + 1)
    }
    return this
  }

  #sortFew(low: number, high: number, depth: number): void {
    const places = this.#places
    for (let next = low + 1; next < high; next++) {
      const place = places[next] as number
      let at = next
      for (; at > low && this.#isBefore(place, places[at - 1] as number, depth); at--)
        places[at] = places[at - 1] as number
      places[at] = place
    }
  }

  #isBefore(place: number, other: number, depth: number): boolean {
    const chunk = this.#chunks[place >>> CHUNK_SHIFT] as Uint8Array
    const otherChunk = this.#chunks[other >>> CHUNK_SHIFT] as Uint8Array
    let at = (place & CHUNK_MASK) + depth
    let otherAt = (other & CHUNK_MASK) + depth
    while (chunk[at] === otherChunk[otherAt] && chunk[at] !== 0) {
      at++
      otherAt++
    }
    return (chunk[at] as number) < (otherChunk[otherAt] as number)
  }
}

/** Collects the names of one directory after the other. */
export class NameCollector {
  readonly #chunk = new Uint8Array(CHUNK_BYTES)
  #chunks: Uint8Array[] = []
  #used = 0
  #places = new Uint32Array(1024)
  #count = 0

  /** Adds the bytes of `source` from `start` to `end`, none of which is 0. */
  add(source: Uint8Array, start: number, end: number): void {
    if (this.#used + end - start >= CHUNK_BYTES) this.#nextChunk(end - start)
    const chunk = this.#chunk
    let used = this.#used
    if (this.#count === this.#places.length) this.#grow()
    this.#places[this.#count++] = this.#chunks.length * CHUNK_BYTES + used
    for (let from = start; from < end; from++) chunk[used++] = source[from] as number
    chunk[used++] = 0
    this.#used = used
  }

  /** The names that were added, in this order; begins anew. */
  take(): NameList {
    const list = new NameList(
      [...this.#chunks, this.#chunk.slice(0, this.#used)],
      this.#places.slice(0, this.#count),
    )
    this.clear()
    return list
  }

  /** Begins anew, without the names that were added. */
  clear(): void {
    this.#chunks = []
    this.#used = this.#count = 0
    // What a directory of millions took is not kept.
    if (this.#places.length > CHUNK_BYTES) this.#places = new Uint32Array(1024)
  }

  #nextChunk(byteLength: number): void {
    if (byteLength >= CHUNK_BYTES || this.#chunks.length + 1 >= MOST_CHUNKS)
      throw new RangeError('the names of a directory are longer than can be held')
    this.#chunks.push(this.#chunk.slice(0, this.#used))
    this.#used = 0
  }

  #grow(): void {
    const grown = new Uint32Array(this.#places.length * 2)
    grown.set(this.#places)
    this.#places = grown
  }
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
