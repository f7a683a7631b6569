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

  /** An error at the present position. */
  fault(message: string): FormatError {
    return new FormatError('FILE_LIST_INVALID', this.#baseOffset + this.#position, message)
  }

  /** One byte. */
  byte(): number {
    if (this.#position >= this.#end) throw this.fault('A batch ends inside an entry')
    return this.#bytes[this.#position++] ?? 0
  }

  /** Passes over bytes. */
  skip(count: number): void {
    if (count > this.#end - this.#position) throw this.fault('A batch ends inside an entry')
    this.#position += count
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
}
