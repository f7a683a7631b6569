/** Small pieces are put together in blocks of this size. */
const blockBytes = 65_536

/** What has arrived and nobody has read. Whatever the pieces it came in, it takes little more memory than it has bytes. */
export class Backlog {
  readonly #pieces: Uint8Array[] = []
  /** Where small pieces are put together; the last piece lies in it from `#from` to `#to`. */
  #block = new Uint8Array(0)
  #from = 0
  #to = 0

  /** Adds a piece. It is kept as it is where that holds little memory besides, and copied else. */
  push(piece: Uint8Array): void {
    if (piece.length >= 1024 && piece.length * 4 >= piece.buffer.byteLength) {
      this.#pieces.push(piece)
      this.#from = this.#to
      return
    }
    for (let at = 0; at < piece.length;) {
      if (this.#to === this.#block.length) {
        this.#block = new Uint8Array(blockBytes)
        this.#from = this.#to = 0
      }
      const part = piece.subarray(at, at + this.#block.length - this.#to)
      this.#block.set(part, this.#to)
      // What lies before it in the block, and is the last piece, grows.
      if (this.#from < this.#to) this.#pieces.pop()
      this.#to += part.length
      this.#pieces.push(this.#block.subarray(this.#from, this.#to))
      if (this.#to === this.#block.length) this.#from = this.#to
      at += part.length
    }
  }

  /** Takes the first piece. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces.shift()
    if (this.#pieces.length === 0) this.#from = this.#to
    return piece
  }

  clear(): void {
    this.#pieces.length = 0
    this.#block = new Uint8Array(0)
    this.#from = this.#to = 0
  }
}
