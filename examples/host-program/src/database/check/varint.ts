/** Reads LevelDB's variable-length numbers and strings one after the other. Past the end, everything is `undefined`. */
export class VarintReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** A number, seven bits a byte, lowest first. */
  number(): number | undefined {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return undefined
  }

  /** A string with its length before it, of which only the length is of interest. */
  skipString(): boolean {
    const length = this.number()
    if (length === undefined || this.#at + length > this.#bytes.length) return false
    this.#at += length
    return true
  }

  /** Bytes of a known length. */
  take(count: number): Uint8Array | undefined {
    if (this.#at + count > this.#bytes.length) return undefined
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }
}
