import type { MemoryPool } from '../memory-pool.ts'

/**
 * A pipe of bytes between two threads: a ring of equal blocks in shared memory, one writer and one reader.
 * A thread that may block waits with `Atomics.wait`, the main thread with `Atomics.waitAsync`; a full ring
 * stops the writer, so back-pressure reaches whoever feeds it.
 */
export interface BlockPipe {
  /** Plain data: what the other thread needs to open its end. */
  readonly shared: SharedPipe
  readonly blockBytes: number
  /** Ends both ends: every wait, now and later, throws {@link PipeAbortedError}. Idempotent. */
  abort(): void
  /** Throws {@link PipeAbortedError} after {@link abort}. */
  throwIfAborted(): void
  /** Writer: the next free block, waiting without the thread (main thread). */
  claim(): Promise<Buffer>
  /** Writer: the next free block, blocking the thread (worker). */
  claimSync(): Buffer
  /**
   * Writer: passes on the first `byteLength` bytes of the claimed block.
   *
   * @param moreFollows - the reader need not be woken for this block alone: it is once a quarter of the ring is full, with the next
   *   block that is published without this, by {@link wake} or at the end
   */
  publish(byteLength: number, moreFollows?: boolean): void
  /** Writer: wakes the reader, where it waits. */
  wake(): void
  /** Writer: no more blocks will come. */
  end(): void
  /**
   * Reader: the next published bytes, `undefined` after the end: those of one block, or of as many full ones as lie side by side, at most
   * `mostBlocks`. They stay until {@link release}.
   */
  take(mostBlocks?: number): Promise<Buffer | undefined>
  takeSync(): Buffer | undefined
  /**
   * Reader: as {@link takeSync}, but the block after the one that this end took last, whether that was released or not.
   *
   * @param beforeWait - called where it has to be waited for
   */
  takeAheadSync(beforeWait?: () => void): Buffer | undefined
  /**
   * Reader: gives what was taken back to the writer; of blocks that were taken ahead the one that was taken first. A writer that waits is woken once a
   * quarter of the blocks is empty, or all that were published are, or the reader waits.
   */
  release(): void
  /** Writer: waits until all that was published is released, blocking the thread. */
  drainSync(): void
  /** Blocks that are published and not released. */
  readonly published: number
}

/** The shared memory of a {@link BlockPipe}. */
export interface SharedPipe {
  readonly control: SharedArrayBuffer
  readonly data: SharedArrayBuffer
  readonly blockBytes: number
}

/** A wait that was ended by {@link BlockPipe.abort}. */
export class PipeAbortedError extends Error {
  override readonly name: string = 'AbortError'
  constructor() {
    super('the transfer was aborted')
  }
}

// Words of the control memory; block lengths follow. WRITTEN and RELEASED count blocks and wrap around. A waiter
// reads its signal word before it looks at the state and waits for that very value to change, so no change
// between looking and waiting is lost. It says that it waits before it looks for the last time, and only then is it
// signalled: waking a thread takes longer than filling a block.
const WRITTEN = 0
const RELEASED = 1
const ENDED = 2
const ABORTED = 3
const WRITER_SIGNAL = 4
const READER_SIGNAL = 5
const READER_WAITS = 6
const WRITER_WAITS = 7
const LENGTHS = 8

interface AsyncWait {
  waitAsync(array: Int32Array, index: number, value: number): { readonly value: Promise<string> | string }
}

/** Makes a pipe of `blocks` blocks of `blockBytes` bytes; `blocks` is a power of two. Its blocks are of the pool, if there is one. */
export function createBlockPipe(
  options: { readonly blocks: number; readonly blockBytes: number },
  pool?: Pick<MemoryPool, 'take'>,
): BlockPipe {
  const { blocks, blockBytes } = options
  // Slots are counted modulo the number of blocks, and counters wrap at 2^32: both must agree.
  if (blocks < 1 || (blocks & (blocks - 1)) !== 0) throw new RangeError('blocks must be a power of two')
  return openBlockPipe({
    control: new SharedArrayBuffer((LENGTHS + blocks) * Int32Array.BYTES_PER_ELEMENT),
    data: pool?.take(blocks * blockBytes) ?? new SharedArrayBuffer(blocks * blockBytes),
    blockBytes,
  })
}

/** What a waiter waits for: that the word no longer holds the value. */
interface NotYet {
  readonly word: number
  readonly value: number
  /** The word in which it says that it waits. */
  readonly waits: number
}

/** Opens one end of a pipe that another thread has made. */
export function openBlockPipe(shared: SharedPipe): BlockPipe {
  const control = new Int32Array(shared.control)
  const data = Buffer.from(shared.data)
  const { blockBytes } = shared
  const blocks = control.length - LENGTHS
  const load = (word: number): number => Atomics.load(control, word)
  const slot = (count: number): number => (count >>> 0) % blocks
  const block = (count: number): Buffer =>
    data.subarray(slot(count) * blockBytes, (slot(count) + 1) * blockBytes)

  const wakeAt = Math.max(1, blocks >>> 2)
  /** The block to be taken next by who takes ahead. */
  let ahead: number | undefined
  /** How many blocks are given back next. */
  let taken = 1

  function signal(word: number): void {
    Atomics.add(control, word, 1)
    Atomics.notify(control, word)
  }

  function signalWaiter(word: number, waits: number): void {
    if (load(waits) !== 0 && Atomics.exchange(control, waits, 0) !== 0) signal(word)
  }

  function tryClaim(): Buffer | NotYet {
    const value = load(READER_SIGNAL)
    if (load(ABORTED) !== 0) throw new PipeAbortedError()
    const written = load(WRITTEN)
    if (((written - load(RELEASED)) | 0) < blocks) return block(written)
    return { word: READER_SIGNAL, value, waits: WRITER_WAITS }
  }

  const tryTake = (): Buffer | undefined | NotYet => tryTakeAt(load(RELEASED))

  /** The block that was found, with those behind it that belong to one piece with it. */
  function withThoseBehind(first: Buffer, mostBlocks: number): Buffer {
    const place = load(RELEASED)
    const most = Math.min(mostBlocks, (load(WRITTEN) - place) | 0, blocks - slot(place))
    let bytes = first.length
    for (taken = 1; taken < most && bytes === taken * blockBytes; taken++)
      bytes += load(LENGTHS + slot(place + taken))
    return data.subarray(slot(place) * blockBytes, slot(place) * blockBytes + bytes)
  }

  function tryTakeAt(place: number): Buffer | undefined | NotYet {
    const value = load(WRITER_SIGNAL)
    if (load(ABORTED) !== 0) throw new PipeAbortedError()
    const ended = load(ENDED) !== 0
    if (load(WRITTEN) !== place) return block(place).subarray(0, load(LENGTHS + slot(place)))
    return ended ? undefined : { word: WRITER_SIGNAL, value, waits: READER_WAITS }
  }

  function tryDrain(): true | NotYet {
    const value = load(READER_SIGNAL)
    if (load(ABORTED) !== 0) throw new PipeAbortedError()
    if (load(WRITTEN) === load(RELEASED)) return true
    return { word: READER_SIGNAL, value, waits: WRITER_WAITS }
  }

  /** Looks; where there is nothing says that it waits, and looks again. */
  function lookOrWait<T>(look: () => T | NotYet): T | NotYet {
    const found = look()
    if (!isNotYet(found)) return found
    Atomics.store(control, found.waits, 1)
    // What it has given back may be too little to have woken the writer.
    if (found.waits === READER_WAITS) signalWaiter(READER_SIGNAL, WRITER_WAITS)
    return look()
  }

  async function until<T>(look: () => T | NotYet): Promise<T> {
    for (;;) {
      const found = lookOrWait(look)
      if (!isNotYet(found)) return found
      await (Atomics as unknown as AsyncWait).waitAsync(control, found.word, found.value).value
    }
  }

  function untilSync<T>(look: () => T | NotYet): T {
    for (;;) {
      const found = lookOrWait(look)
      if (!isNotYet(found)) return found
      Atomics.wait(control, found.word, found.value)
    }
  }

  return {
    shared,
    blockBytes,
    abort() {
      Atomics.store(control, ABORTED, 1)
      signal(WRITER_SIGNAL)
      signal(READER_SIGNAL)
    },
    throwIfAborted() {
      if (load(ABORTED) !== 0) throw new PipeAbortedError()
    },
    claim: () => until(tryClaim),
    claimSync: () => untilSync(tryClaim),
    publish(byteLength, moreFollows = false) {
      if (byteLength > blockBytes)
        throw new RangeError(`a block holds ${blockBytes} bytes, not ${byteLength}`)
      const written = load(WRITTEN)
      Atomics.store(control, LENGTHS + slot(written), byteLength)
      Atomics.store(control, WRITTEN, (written + 1) | 0)
      if (!moreFollows || ((written + 1 - load(RELEASED)) | 0) >= wakeAt)
        signalWaiter(WRITER_SIGNAL, READER_WAITS)
    },
    wake: () => signalWaiter(WRITER_SIGNAL, READER_WAITS),
    end() {
      Atomics.store(control, ENDED, 1)
      signal(WRITER_SIGNAL)
    },
    take: async (mostBlocks = 1) => {
      const first = await until(tryTake)
      return first === undefined || mostBlocks === 1 ? first : withThoseBehind(first, mostBlocks)
    },
    takeSync: () => untilSync(tryTake),
    takeAheadSync(beforeWait) {
      const place = (ahead ??= load(RELEASED))
      let found = tryTakeAt(place)
      if (isNotYet(found)) {
        beforeWait?.()
        found = untilSync(() => tryTakeAt(place))
      }
      if (found !== undefined) ahead = (place + 1) | 0
      return found
    },
    drainSync: () => void untilSync(tryDrain),
    get published() {
      return (load(WRITTEN) - load(RELEASED)) | 0
    },
    release() {
      const released = (load(RELEASED) + taken) | 0
      taken = 1
      Atomics.store(control, RELEASED, released)
      const full = (load(WRITTEN) - released) | 0
      if (full === 0 || blocks - full >= wakeAt || load(READER_WAITS) !== 0)
        signalWaiter(READER_SIGNAL, WRITER_WAITS)
    },
  }
}

function isNotYet(found: unknown): found is NotYet {
  return typeof found === 'object' && found !== null && 'word' in found
}
