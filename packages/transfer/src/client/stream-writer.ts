import type { BlockPipe } from './block-pipe.ts'

/** What a {@link StreamWriter} uses of a pipe. */
export type StreamPipe = Pick<
  BlockPipe,
  'claimSync' | 'publish' | 'wake' | 'end' | 'blockBytes' | 'throwIfAborted'
>

/** Writes one continuous stream into the blocks of a pipe: every block full but the last. Blocks its thread. */
export class StreamWriter {
  readonly #pipe: StreamPipe
  #block: Buffer | undefined
  #used = 0
  #offset: number

  /**
   * @param pipe - takes the blocks
   * @param offset - where the first byte is in the stream
   */
  constructor(pipe: StreamPipe, offset = 0) {
    this.#pipe = pipe
    this.#offset = offset
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

  /** Passes on all there is, and wakes who waits for it. */
  flush(): void {
    if (this.#block === undefined) this.#pipe.wake()
    else this.#pass(false)
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
    this.#pipe.publish(this.#used, moreFollows)
    this.#block = undefined
    this.#used = 0
  }
}
