const BIG_7 = 7n
const BIG_7F = 0x7fn

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
