const mostKeys = 512

/** Keys in order, in chunks: adding, removing and finding cost a search and a short move, at the end next to nothing. */
export class SortedKeys {
  readonly #chunks: string[][] = []

  /** Adds a key; one that is there already stays once. */
  add(key: string): void {
    const index = this.#chunkOf(key)
    const chunk = this.#chunks[index]
    if (chunk === undefined) {
      this.#chunks.push([key])
      return
    }
    const at = placeOf(chunk, key)
    if (chunk[at] === key) return
    if (at === chunk.length) chunk.push(key)
    else chunk.splice(at, 0, key)
    if (chunk.length <= mostKeys) return
    // Keys come mostly in order: a full last chunk stays full, and the next one begins.
    const keep = index === this.#chunks.length - 1 && at === chunk.length - 1 ? mostKeys : mostKeys / 2
    this.#chunks.splice(index + 1, 0, chunk.splice(keep))
  }

  /** Removes a key; nothing happens when it is not there. */
  remove(key: string): void {
    const index = this.#chunkOf(key)
    const chunk = this.#chunks[index]
    if (chunk === undefined) return
    const at = placeOf(chunk, key)
    if (chunk[at] !== key) return
    chunk.splice(at, 1)
    if (chunk.length === 0) this.#chunks.splice(index, 1)
  }

  /** The first key at or after one; with `beyond` after it. */
  after(key: string, beyond: boolean): string | undefined {
    let index = this.#chunkOf(key)
    let chunk = this.#chunks[index]
    if (chunk === undefined) return undefined
    let at = placeOf(chunk, key)
    if (beyond && chunk[at] === key) at += 1
    while (chunk !== undefined && at >= chunk.length) {
      index += 1
      chunk = this.#chunks[index]
      at = 0
    }
    return chunk?.[at]
  }

  /** The last key at or before one; with `beyond` before it. Without a key, the last of all. */
  before(key: string | undefined, beyond: boolean): string | undefined {
    if (key === undefined) return this.#chunks.at(-1)?.at(-1)
    const index = this.#chunkOf(key)
    const chunk = this.#chunks[index]
    if (chunk === undefined) return undefined
    const at = placeOf(chunk, key)
    if (!beyond && chunk[at] === key) return key
    return at > 0 ? chunk[at - 1] : this.#chunks[index - 1]?.at(-1)
  }

  /** The chunk in which a key is, or would be. */
  #chunkOf(key: string): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#chunks[middle]?.[0] as string) <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Where a key is in a chunk, or would be. */
function placeOf(chunk: readonly string[], key: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
