import { CHUNK_BYTES, CHUNK_MASK, CHUNK_SHIFT, type Mark, NameList, type NameMemory } from './name-list.ts'

const MOST_CHUNKS = 2 ** (32 - CHUNK_SHIFT)
/** So much of what many names took is kept when they are gone. */
const KEPT_CHUNKS = 4
const KEPT_PLACES = CHUNK_BYTES

/**
 * The names in the directories from a root down to where a walk is, one directory's above the other's: bytes behind one another, each
 * with a NUL behind it, and where each begins. A name costs its length and five bytes, so that directories of millions of names can be
 * walked; memory is taken anew only where more names are open than ever before.
 */
export class NameStack implements NameMemory {
  readonly #addressOf: (chunk: Uint8Array) => number
  readonly #chunks: Uint8Array[] = []
  readonly #addresses: number[] = []
  /** Chunks with names in them, and bytes used of the last. */
  #chunk = -1
  #used = CHUNK_BYTES
  #places = new Uint32Array(1024)
  #count = 0
  /** Where the names begin that are being collected. */
  #begin: Mark = { chunk: this.#chunk, used: this.#used, count: 0 }

  /** @param addressOf - where a chunk lies, for calls of the system; it is not moved. By default nobody asks. */
  constructor(addressOf: (chunk: Uint8Array) => number = () => Number.NaN) {
    this.#addressOf = addressOf
  }

  /** Begins with the names of the next directory; what was collected and not taken is forgotten. */
  begin(): void {
    this.#reset(this.#begin)
  }

  /** Adds the bytes of `source` from `start` to `end`, none of which is 0. */
  add(source: Uint8Array, start: number, end: number): void {
    if (this.#used + end - start >= CHUNK_BYTES) this.#nextChunk(end - start)
    const chunk = this.#chunks[this.#chunk] as Uint8Array
    let used = this.#used
    if (this.#count === this.#places.length) this.#resize(this.#places.length * 2)
    this.#places[this.#count++] = this.#chunk * CHUNK_BYTES + used
    for (let from = start; from < end; from++) chunk[used++] = source[from] as number
    chunk[used++] = 0
    this.#used = used
  }

  /** The names that were added since the beginning, in this order. They stay until they are released. */
  take(): NameList {
    const begin = this.#begin
    this.#begin = { chunk: this.#chunk, used: this.#used, count: this.#count }
    return new NameList(this, begin, this.#count)
  }

  /** The names from `mark` on are not needed any more, nor any that were taken after them. */
  release(mark: Mark): void {
    if (mark.count > this.#begin.count) return
    this.#begin = mark
    this.#reset(mark)
  }

  /** Where names begin. */
  get places(): Uint32Array {
    return this.#places
  }

  /** Their bytes. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks
  }

  /** Where a name lies. */
  addressOf(place: number): number {
    return (this.#addresses[place >>> CHUNK_SHIFT] as number) + (place & CHUNK_MASK)
  }

  #reset({ chunk, used, count }: Mark): void {
    this.#chunk = chunk
    this.#used = used
    this.#count = count
    if (this.#chunks.length > chunk + 1 + KEPT_CHUNKS)
      this.#chunks.length = this.#addresses.length = chunk + 1 + KEPT_CHUNKS
    if (this.#places.length > KEPT_PLACES && count <= KEPT_PLACES / 2) this.#resize(KEPT_PLACES)
  }

  #nextChunk(byteLength: number): void {
    if (byteLength >= CHUNK_BYTES || this.#chunk + 1 >= MOST_CHUNKS)
      throw new RangeError('the names of the directories that are open are longer than can be held')
    this.#chunk += 1
    this.#used = 0
    if (this.#chunk < this.#chunks.length) return
    const chunk = new Uint8Array(CHUNK_BYTES)
    this.#chunks.push(chunk)
    this.#addresses.push(this.#addressOf(chunk))
  }

  #resize(length: number): void {
    const places = new Uint32Array(length)
    places.set(this.#places.subarray(0, this.#count))
    this.#places = places
  }
}
