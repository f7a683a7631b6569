/**
 * The buffer between the two processes of a session: equal blocks in one piece of memory, one producer that fills
 * them in order, one consumer that empties them in order. When all are full the producer waits, when none is full
 * the consumer waits; so a slow medium slows the client, and memory stays bounded.
 */
export interface BlockRing {
  readonly blockBytes: number
  readonly blocks: number
  /**
   * Producer: the next empty block, or as many of those behind it as lie side by side, at most `mostBlocks`. What was claimed and not
   * published is claimed again. Rejects with the reason of {@link BlockRing.abort}.
   */
  claim(mostBlocks?: number): Promise<Buffer>
  /** Producer: passes claimed blocks on, filled with this many bytes, at least 1; those behind them are claimed no more. */
  publish(byteLength: number): void
  /** Producer: no more blocks will come. */
  end(): void
  /**
   * Consumer: the bytes of the next full blocks that lie side by side, at most `mostBlocks`; `undefined` after the
   * end. They stay until {@link BlockRing.release}. Rejects with the reason of {@link BlockRing.abort}.
   */
  take(mostBlocks?: number): Promise<Buffer | undefined>
  /** Consumer: gives back what was taken. */
  release(): void
  /** Ends every wait, now and later, with this reason. Idempotent; the first reason stays. */
  abort(reason: Error): void
  /** Does not count the wait that the consumer is in, because someone else is the reason of it. */
  excuseWait(): void
  /** Episodes in which the consumer found no full block and waited. */
  readonly waitedForFull: number
  /** Episodes in which the producer found no empty block and waited. */
  readonly waitedForEmpty: number
}

/** The size of a {@link BlockRing}. */
export interface BlockRingOptions {
  /** Bytes of a block, from 512. */
  readonly blockBytes: number
  /** Number of blocks, from 2. */
  readonly blocks: number
  /** The memory to use, of `blockBytes` times `blocks`. @default some of its own */
  readonly memory?: SharedArrayBuffer
}

/**
 * Makes a ring whose producer and consumer are tasks of one thread. Its memory is shared memory all the same, so that
 * a ring between threads can take its place without any of its users noticing.
 */
export function createBlockRing({ blockBytes, blocks, memory: given }: BlockRingOptions): BlockRing {
  if (!Number.isSafeInteger(blockBytes) || blockBytes < 512)
    throw new TypeError('blockBytes must be a whole number from 512')
  if (!Number.isSafeInteger(blocks) || blocks < 2) throw new TypeError('blocks must be a whole number from 2')
  const memory = Buffer.from(given ?? new SharedArrayBuffer(blockBytes * blocks))
  if (memory.length !== blockBytes * blocks) throw new TypeError('memory must be of blockBytes times blocks')
  const lengths = new Uint32Array(blocks)
  // Blocks ever published and ever released; their difference is what is full, at most `blocks`.
  let published = 0
  let released = 0
  let taken = 0
  let claimed = 1
  let ended = false
  let aborted: Error | undefined
  let waitedForFull = 0
  let waitedForEmpty = 0
  let consumerWaits = false
  let wakeProducer: (() => void) | undefined
  let wakeConsumer: (() => void) | undefined

  const wake = (): void => {
    wakeProducer?.()
    wakeConsumer?.()
  }
  const check = (): void => {
    if (aborted !== undefined) throw aborted
  }
  /** The full blocks from the oldest on that can be given as one piece: each but the last is filled whole. */
  const run = (mostBlocks: number): Buffer => {
    const first = released % blocks
    const most = Math.min(mostBlocks, published - released, blocks - first)
    let bytes = 0
    taken = 0
    while (taken < most && bytes === taken * blockBytes) bytes += lengths[first + taken++] ?? 0
    return memory.subarray(first * blockBytes, first * blockBytes + bytes)
  }

  return {
    blockBytes,
    blocks,
    claim: async (mostBlocks = 1) => {
      check()
      if (published - released === blocks) {
        waitedForEmpty += 1
        await new Promise<void>((resolve) => (wakeProducer = resolve))
        check()
      }
      const first = published % blocks
      claimed = Math.min(mostBlocks, blocks - (published - released), blocks - first)
      return memory.subarray(first * blockBytes, (first + claimed) * blockBytes)
    },
    publish: (byteLength) => {
      if (byteLength < 1 || byteLength > claimed * blockBytes || published - released === blocks)
        throw new RangeError(
          `${claimed} blocks of ${blockBytes} bytes cannot be published with ${byteLength}`,
        )
      for (let rest = byteLength; rest > 0; rest -= blockBytes) {
        lengths[published % blocks] = Math.min(rest, blockBytes)
        published += 1
      }
      claimed = 1
      wakeConsumer?.()
    },
    end: () => {
      ended = true
      wakeConsumer?.()
    },
    take: async (mostBlocks = 1) => {
      check()
      if (taken > 0) throw new TypeError('what was taken before is not released')
      if (published === released && !ended) {
        waitedForFull += 1
        consumerWaits = true
        await new Promise<void>((resolve) => (wakeConsumer = resolve))
        consumerWaits = false
        check()
      }
      return published === released ? undefined : run(mostBlocks)
    },
    release: () => {
      released += taken
      taken = 0
      wakeProducer?.()
    },
    abort: (reason) => {
      aborted ??= reason
      wake()
    },
    excuseWait: () => {
      if (consumerWaits) waitedForFull -= 1
      consumerWaits = false
    },
    get waitedForFull() {
      return waitedForFull
    },
    get waitedForEmpty() {
      return waitedForEmpty
    },
  }
}
