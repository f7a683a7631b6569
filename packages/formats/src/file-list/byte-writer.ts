const BIG_7 = 7n
const BIG_7F = 0x7fn
const HALF_COUNT = 2 ** 17
const BITS_28 = 2 ** 28

/** A buffer that grows, with the numbers of the file list: LEB128 varints, signed ones in zigzag form. */
export class ByteWriter {
  #bytes: Buffer
  #length = 0

  /** @param initialBytes - room to begin with; kept when cleared */
  constructor(initialBytes: number) {
    this.#bytes = Buffer.allocUnsafe(initialBytes)
  }

  /** Bytes written. */
  get length(): number {
    return this.#length
  }

  /** A view of what was written, valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Begins anew, keeping the memory. */
  clear(): void {
    this.#length = 0
  }

  /** @param value - 0–255 */
  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  /** @param value - any bytes */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** @param value - whole number, 0–2^53−1 */
  unsigned(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest > 0x7fffffff) {
      this.#bytes[this.#length++] = 0x80 | (rest % 128)
      rest = Math.floor(rest / 128)
    }
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = 0x80 | (rest & 0x7f)
      rest >>>= 7
    }
    this.#bytes[this.#length++] = rest
  }

  /** @param value - whole number, −2^52–2^52 */
  signedNumber(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /**
   * Writes ±(count · unit + rest) as {@link signed} does, without big integers.
   *
   * @param isNegative - its sign; nothing is not negative
   * @param count - 0–2^34
   * @param unit - 1–2^30
   * @param rest - 0–unit−1
   */
  signedProduct(isNegative: boolean, count: number, unit: number, rest: number): void {
    const extra = 2 * rest - (isNegative ? 1 : 0)
    if (count < HALF_COUNT) {
      this.unsigned(2 * count * unit + extra)
      return
    }
    // Twice the product as 28 bits, four varint bytes, below and the rest above: count = upper · 2^17 + lower.
    const upper = Math.floor(count / HALF_COUNT)
    const upperProduct = 2 * upper * unit
    const low = (upperProduct % 2048) * HALF_COUNT + 2 * (count - upper * HALF_COUNT) * unit + extra
    const carry = Math.floor(low / BITS_28)
    const high = Math.floor(upperProduct / 2048) + carry
    const lowest = low - carry * BITS_28
    this.#reserve(4)
    for (let shift = 0; shift < 28; shift += 7)
      this.#bytes[this.#length++] = 0x80 | ((lowest >>> shift) & 0x7f)
    this.unsigned(high)
  }

  /** @param value - 64 bits, −2^63–2^63−1 */
  signed(value: bigint): void {
    const number = Number(value)
    if (number > -0x8_0000_0000_0000 && number < 0x8_0000_0000_0000) {
      this.unsigned(number < 0 ? -2 * number - 1 : 2 * number)
      return
    }
    this.#reserve(10)
    let rest = value < 0n ? -2n * value - 1n : 2n * value
    while (rest > BIG_7F) {
      this.#bytes[this.#length++] = 0x80 | Number(rest & BIG_7F)
      rest >>= BIG_7
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
