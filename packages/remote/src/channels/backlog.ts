import { letGo } from './let-go.ts'

/** What has arrived is put together in blocks of this size. */
const blockBytes = 65_536

/**
 * What has arrived and nobody has read. It comes in pieces of some kilobytes, each in memory of its own, and is copied at once: those are
 * garbage before they get old, and who reads gets much at a time. Whatever the pieces, it takes little more memory than it has bytes.
 */
export class Backlog {
  /** All full but the last, which is filled up to `#fill`. */
  readonly #blocks: Uint8Array[] = []
  #fill = 0
  /** What was taken last is the taker's until it takes the next. */
  #lent: Uint8Array | undefined
  #spare: Uint8Array | undefined

  /** Whether there is as much as is taken at once. */
  get hasMuch(): boolean {
    return this.#blocks.length > 1 || (this.#blocks.length === 1 && this.#fill === blockBytes)
  }

  /** Adds a copy of a piece. */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      let block = this.#blocks.at(-1)
      if (block === undefined || this.#fill === blockBytes) {
        block = this.#spare ?? Buffer.allocUnsafeSlow(blockBytes)
        this.#spare = undefined
        this.#blocks.push(block)
        this.#fill = 0
      }
      const count = Math.min(piece.length - at, blockBytes - this.#fill)
      block.set(count === piece.length ? piece : piece.subarray(at, at + count), this.#fill)
      this.#fill += count
      at += count
    }
  }

  /** Takes what is there, at most a block of it. It stays as it is until the next is taken. */
  shift(): Uint8Array | undefined {
    if (this.#spare === undefined) this.#spare = this.#lent
    else if (this.#lent !== undefined) letGo(this.#lent)
    const block = (this.#lent = this.#blocks.shift())
    return block === undefined || this.#blocks.length > 0 ? block : block.subarray(0, this.#fill)
  }

  clear(): void {
    this.#blocks.length = 0
    this.#lent = this.#spare = undefined
  }
}
