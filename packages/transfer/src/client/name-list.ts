/** A place is the number of a chunk above these bits, and below them where a name begins in it. */
export const CHUNK_SHIFT = 18
/** Bytes of a chunk. */
export const CHUNK_BYTES: number = 2 ** CHUNK_SHIFT
/** The part of a place that is in the chunk. */
export const CHUNK_MASK: number = CHUNK_BYTES - 1
/** Up to so many names are sorted by insertion. */
const FEW = 12

/** How far memory was filled with names. */
export interface Mark {
  /** The last chunk with names in it, and the bytes used of it. */
  readonly chunk: number
  readonly used: number
  /** Names. */
  readonly count: number
}

/** Where the names of many lists lie. */
export interface NameMemory {
  /** Where names begin. */
  readonly places: Uint32Array
  /** Their bytes. */
  readonly chunks: readonly Uint8Array[]
  /** Where a name lies, as a call of the system takes it. */
  addressOf(place: number): number
  /** The names from a mark on are not needed any more, nor any that were taken after them. */
  release(mark: Mark): void
}

/** The names in one directory. Their memory is theirs until they are {@link release}d. */
export class NameList {
  readonly #memory: NameMemory
  readonly #mark: Mark
  #end: number

  /**
   * @param mark - where they begin
   * @param end - and end, as the mark counts them
   */
  constructor(memory: NameMemory, mark: Mark, end: number) {
    this.#memory = memory
    this.#mark = mark
    this.#end = end
  }

  /** How many there are. */
  get length(): number {
    return this.#end - this.#mark.count
  }

  /** Bytes of a name. */
  lengthAt(index: number): number {
    const place = this.#placeAt(index)
    const chunk = this.#memory.chunks[place >>> CHUNK_SHIFT] as Uint8Array
    const start = place & CHUNK_MASK
    let end = start
    while (chunk[end] !== 0) end++
    return end - start
  }

  /** Writes a name's bytes into `target`. */
  copyTo(target: Uint8Array, at: number, index: number): void {
    const place = this.#placeAt(index)
    const chunk = this.#memory.chunks[place >>> CHUNK_SHIFT] as Uint8Array
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

  /** Where a name lies, with a NUL behind it, as a call of the system takes it. */
  addressAt(index: number): number {
    return this.#memory.addressOf(this.#placeAt(index))
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

  /** Leaves out the names that are not wanted. */
  keep(isWanted: (name: Buffer) => boolean): this {
    const { places } = this.#memory
    const first = this.#mark.count
    let kept = first
    for (let index = 0, { length } = this; index < length; index++)
      if (isWanted(this.at(index))) places[kept++] = places[first + index] as number
    this.#end = kept
    return this
  }

  /** Gives their memory back, and that of all names that were read after them. */
  release(): void {
    this.#memory.release(this.#mark)
    this.#end = this.#mark.count
  }

  #placeAt(index: number): number {
    return this.#memory.places[this.#mark.count + index] as number
  }

  /** Sorts the names by their bytes, in place: by one byte after the other, where many are alike. */
  sort(): this {
    const { places, chunks } = this.#memory
    const byteOf = (place: number, depth: number): number =>
      (chunks[place >>> CHUNK_SHIFT] as Uint8Array)[(place & CHUNK_MASK) + depth] as number
    // Ranges that are left to sort, all names of which are alike up to a depth. No recursion: names may be made to go deep.
    const left = [this.#mark.count, this.#end, 0]
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
    const { places, chunks } = this.#memory
    for (let next = low + 1; next < high; next++) {
      const place = places[next] as number
      let at = next
      for (; at > low && isBefore(chunks, place, places[at - 1] as number, depth); at--)
        places[at] = places[at - 1] as number
      places[at] = place
    }
  }
}

/** Whether the name at a place comes before another; both are alike up to a depth. */
function isBefore(chunks: readonly Uint8Array[], place: number, other: number, depth: number): boolean {
  const chunk = chunks[place >>> CHUNK_SHIFT] as Uint8Array
  const otherChunk = chunks[other >>> CHUNK_SHIFT] as Uint8Array
  let at = (place & CHUNK_MASK) + depth
  let otherAt = (other & CHUNK_MASK) + depth
  while (chunk[at] === otherChunk[otherAt] && chunk[at] !== 0) {
    at++
    otherAt++
  }
  return (chunk[at] as number) < (otherChunk[otherAt] as number)
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
