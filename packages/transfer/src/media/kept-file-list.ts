/**
 * The part of the file list that belongs into the trailer of the fragment that is open. Each part begins with the
 * list's header, so that it can be read without the others.
 */
export class KeptFileList {
  #header: Buffer | undefined
  #pieces: Buffer[] = []
  #bytes = 0

  /** Bytes kept, header not counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps the list's header, once. */
  setHeader(header: Buffer): void {
    this.#header = header
  }

  /** Keeps whole batches; the memory is handed over. */
  add(batches: Buffer): void {
    this.#pieces.push(batches)
    this.#bytes += batches.length
  }

  /** All that is kept; a new part begins. */
  take(): readonly Buffer[] {
    const part = this.#header === undefined ? [] : [this.#header, ...this.#pieces]
    this.#pieces = []
    this.#bytes = 0
    return part
  }
}
