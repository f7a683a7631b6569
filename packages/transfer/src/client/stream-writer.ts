import type { BlockPipe } from './block-pipe.ts'

/** What a {@link StreamWriter} uses of a pipe. */
export type StreamPipe = Pick<
  BlockPipe,
  'claimSync' | 'publish' | 'wake' | 'end' | 'blockBytes' | 'throwIfAborted'
>

/** Bytes before the stream in each block of a framed one: the first tells whether a member begins with the block. */
export const BLOCK_MARK_BYTES = 64

/** Whether a member begins with a block of a framed stream. */
export function startsAtMember(block: Uint8Array): boolean {
  return block[0] === 1
}

/** So many blocks of a framed stream may go by without one that ends where a member does, if any member ends there. */
const MOST_BLOCKS_APART = 16

/**
 * Writes one continuous stream into the blocks of a pipe: every block full but the last. Blocks its thread.
 *
 * The blocks of a framed stream become a frame each: one that is three quarters full ends where a member does, so that most
 * begin with a member and fragments can be cut there; and so does one now and then that is not.
 */
export class StreamWriter {
  readonly #pipe: StreamPipe
  /** Bytes of each block that are not of the stream. */
  readonly #mark: number
  #block: Buffer | undefined
  #used: number
  #offset: number
  #isStart = false
  /** Whether who waits may not know yet of a block that was passed on. */
  #isUntold = false
  #lastStart: number

  /**
   * @param pipe - takes the blocks
   * @param offset - where the first byte is in the stream
   * @param framed - whether the blocks become frames
   */
  constructor(pipe: StreamPipe, offset = 0, framed = false) {
    this.#pipe = pipe
    this.#offset = offset
    this.#lastStart = offset
    this.#mark = framed ? BLOCK_MARK_BYTES : 0
    this.#used = this.#mark
  }

  /** Where the next byte will be in the stream. */
  get offset(): number {
    return this.#offset
  }

  /** The present block; free from {@link used} on, at least one byte. What is written there counts once it is {@link advance}d. */
  get block(): Buffer {
    return (this.#block ??= this.#pipe.claimSync())
  }

  /** Bytes of {@link block} that are written. */
  get used(): number {
    return this.#used
  }

  /** Counts `byteLength` bytes as written. */
  advance(byteLength: number): void {
    this.#used += byteLength
    this.#offset += byteLength
    if (this.#used === this.#pipe.blockBytes) this.#pass(true)
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const { block, used } = this
      const length = Math.min(block.length - used, bytes.length - done)
      block.set(done === 0 && length === bytes.length ? bytes : bytes.subarray(done, done + length), used)
      this.advance(length)
      done += length
    }
  }

  zeros(byteLength: number): void {
    for (let left = byteLength; left > 0;) {
      const { block, used } = this
      const length = Math.min(block.length - used, left)
      block.fill(0, used, used + length)
      this.advance(length)
      left -= length
    }
  }

  /** A member begins here. */
  memberBegins(): void {
    if (this.#mark === 0) return
    const room = this.#pipe.blockBytes - this.#mark
    const fill = this.#used - this.#mark
    const isFar = this.#offset - this.#lastStart >= MOST_BLOCKS_APART * room
    if (fill > 0 && (isFar || fill * 4 >= room * 3)) this.#pass(true)
    if (this.#used > this.#mark) return
    this.#isStart = true
    this.#lastStart = this.#offset
  }

  /** Passes on all there is, and wakes who waits for it. */
  flush(): void {
    if (this.#block !== undefined) this.#pass(false)
    else if (this.#isUntold) this.#pipe.wake()
    this.#isUntold = false
  }

  /** Throws where the pipe was aborted, as a wait for a block would. */
  throwIfAborted(): void {
    this.#pipe.throwIfAborted()
  }

  /** The end of the stream. */
  end(): void {
    this.flush()
    this.#pipe.end()
  }

  #pass(moreFollows: boolean): void {
    if (this.#mark > 0 && this.#block !== undefined) this.#block[0] = this.#isStart ? 1 : 0
    this.#isStart = false
    this.#pipe.publish(this.#used, moreFollows)
    this.#isUntold = moreFollows
    this.#block = undefined
    this.#used = this.#mark
  }
}
