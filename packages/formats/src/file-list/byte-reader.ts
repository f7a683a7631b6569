import { FormatError } from '../format-error.ts'

/** Reads what a ByteWriter wrote; every read is checked against the end. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  readonly #baseOffset: number
  #position: number

  /**
   * @param bytes - the buffer
   * @param start - where to begin
   * @param end - where the section ends
   * @param baseOffset - what to add to positions in errors
   */
  constructor(bytes: Buffer, start: number, end: number, baseOffset: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
    this.#baseOffset = baseOffset
  }

  /** Position in the buffer of the next byte. */
  get position(): number {
    return this.#position
  }

  /** Whether all of the section is read. */
  get atEnd(): boolean {
    return this.#position === this.#end
  }

  /** An error at the present position. */
  fault(message: string): FormatError {
    return new FormatError('FILE_LIST_INVALID', this.#baseOffset + this.#position, message)
  }

  /** One byte. */
  byte(): number {
    if (this.#position >= this.#end) throw this.fault('A batch ends inside an entry')
    return this.#bytes[this.#position++] ?? 0
  }

  /** A view of the next bytes. */
  bytes(count: number): Buffer {
    if (count > this.#end - this.#position) throw this.fault('A batch ends inside an entry')
    const view = this.#bytes.subarray(this.#position, this.#position + count)
    this.#position += count
    return view
  }

  /** A whole number, 0–2^53−1. */
  unsigned(): number {
    let byte = this.byte()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 49) throw this.fault('A number is too long')
      byte = this.byte()
      value += (byte & 0x7f) * scale
    }
    if (value > Number.MAX_SAFE_INTEGER) throw this.fault('A number is too big')
    return value
  }

  /** A signed number of 64 bits. */
  signed(): bigint {
    const start = this.#position
    let value = 0
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return BigInt(value % 2 === 0 ? value / 2 : -(value + 1) / 2)
    }
    this.#position = start
    return this.#signedBig()
  }

  #signedBig(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (value >= 1n << 64n) break
        return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n)
      }
    }
    throw this.fault('A number is too big')
  }
}
