import { TAPE_BLOCK_BYTES } from '@nb/formats'

/** Blocks in memory: one is filled while the others are on their way. */
const BLOCKS = 3

const nothing = (): void => undefined

/** Makes whole blocks of bytes that come in pieces, and has them written behind whoever fills the next one. */
export class BlocksBehind {
  readonly #append: (block: Buffer) => Promise<void>
  readonly #memory: readonly Buffer[] = Array.from({ length: BLOCKS }, () =>
    Buffer.allocUnsafeSlow(TAPE_BLOCK_BYTES),
  )
  readonly #underWay: Promise<void>[] = []
  #last: Promise<void> = Promise.resolve()
  #current = 0
  #fill = 0

  /** @param append - writes one block; is called for one after the other, and not again after it has failed */
  constructor(append: (block: Buffer) => Promise<void>) {
    this.#append = append
  }

  /** Takes bytes, which may be used again when it resolves. Rejects where a block before could not be written. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const block = this.#memory[this.#current] as Buffer
      const count = Math.min(bytes.length - at, TAPE_BLOCK_BYTES - this.#fill)
      block.set(bytes.subarray(at, at + count), this.#fill)
      at += count
      this.#fill += count
      if (this.#fill === TAPE_BLOCK_BYTES) await this.#send(block)
    }
  }

  /** Resolves when all whole blocks are written. */
  async settled(): Promise<void> {
    while (this.#underWay.length > 0) await this.#underWay.shift()
    await this.#last
  }

  /** Takes what was to begin the next block. */
  takeRest(): Buffer {
    const rest = Buffer.from((this.#memory[this.#current] as Buffer).subarray(0, this.#fill))
    this.#fill = 0
    return rest
  }

  async #send(block: Buffer): Promise<void> {
    const written = this.#last.then(() => this.#append(block))
    // Its failure is told to the next call that has to wait, and to all after it.
    written.catch(nothing)
    this.#last = written
    this.#underWay.push(written)
    this.#current = (this.#current + 1) % BLOCKS
    this.#fill = 0
    while (this.#underWay.length >= BLOCKS) await this.#underWay.shift()
  }
}
