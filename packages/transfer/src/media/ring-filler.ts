import type { BlockRing } from './block-ring.ts'

/** Fills the blocks of a ring from pieces of any size. */
export class RingFiller {
  readonly #ring: BlockRing
  #block: Buffer | undefined
  #fill = 0

  constructor(ring: BlockRing) {
    this.#ring = ring
  }

  /** Adds bytes; the memory may be used again when it resolves. */
  async write(piece: Uint8Array): Promise<void> {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    for (let at = 0; at < bytes.length;) {
      this.#block ??= await this.#ring.claim()
      const count = Math.min(bytes.length - at, this.#block.length - this.#fill)
      // Not `set`, which goes word by word where memory is shared.
      bytes.copy(this.#block, this.#fill, at, at + count)
      at += count
      this.#fill += count
      if (this.#fill === this.#block.length) this.#publish()
    }
  }

  /** Passes on a block that is not full. */
  flush(): void {
    if (this.#fill > 0) this.#publish()
  }

  /** Passes on the last block and ends the ring. */
  finish(): void {
    this.flush()
    this.#ring.end()
  }

  #publish(): void {
    this.#ring.publish(this.#fill)
    this.#block = undefined
    this.#fill = 0
  }
}
