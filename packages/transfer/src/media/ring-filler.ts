import { copyToShared } from '../copy-to-shared.ts'
import type { BlockRing } from './block-ring.ts'

/** Blocks that are read at once, where so many are empty. */
const BLOCKS_PER_READ = 4

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
      copyToShared(bytes, this.#block, this.#fill, at, at + count)
      at += count
      this.#fill += count
      if (this.#fill === this.#block.length) this.#publish()
    }
  }

  /**
   * Lets `read` fill blocks where they lie: it gets some, at most `most` bytes in all, and gives how many it has filled from their
   * beginning.
   */
  async fill(most: number, read: (into: Buffer) => Promise<number>): Promise<number> {
    this.flush()
    const room = await this.#ring.claim(BLOCKS_PER_READ)
    const count = await read(room.subarray(0, Math.min(room.length, most)))
    if (count > 0) this.#ring.publish(count)
    return count
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
