import { type CallOptions, NbError, throwIfAborted } from '@nb/contracts'
import { FormatError, TAPE_BLOCK_BYTES } from '@nb/formats'
import type { BlockReader } from './block-reader.ts'
import type { ReadVolume } from './find-fragment.ts'
import { type FragmentIdentity, corruptFragment, notRead } from './fragment-identity.ts'
import type { ReadingLane } from './reading-turns.ts'

/** Blocks that are read beside the one that is delivered. */
const BLOCKS_AHEAD = 3

/** Where the payload of a fragment stands. */
export interface PayloadLayout {
  /** Bytes of the payload as it is stored, without fill. */
  readonly storedBytes: number
  /** Bytes of it in a block. */
  readonly blockBytes: number
  /** Logical object of a block of the payload, counted from 0. */
  readonly objectOf: (block: number) => number
  /** Proves that what was read is that block, and gives the payload in it. Throws `FormatError`. */
  readonly dataOf: (block: number, bytes: Buffer) => Buffer
}

/** A block in memory, with what of it is payload. */
interface Loaded {
  readonly block: number
  readonly memory: Buffer
  readonly data: Buffer
}

/**
 * Reads a fragment's payload as it is stored: the blocks that hold a range and no others, each proven before it is delivered, some
 * ahead of the one that is used, each in its turn among others who read the volume. Keeps the last for reads nearby.
 */
export class StoredPayload {
  readonly blockBytes: number
  readonly #reader: BlockReader
  readonly #lane: ReadingLane
  readonly #identity: FragmentIdentity
  readonly #layout: PayloadLayout
  readonly #spare: Buffer[] = []
  #last: Loaded | undefined
  #isReading = false
  #isClosed = false

  constructor(
    { reader, turns }: Pick<ReadVolume, 'reader' | 'turns'>,
    identity: FragmentIdentity,
    layout: PayloadLayout,
  ) {
    this.#reader = reader
    this.#lane = turns.open(identity.file)
    this.#identity = identity
    this.#layout = layout
    this.blockBytes = layout.blockBytes
  }

  async *read(
    { offset, bytes }: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { storedBytes, blockBytes } = this.#layout
    const end = offset + bytes
    if (offset < 0 || bytes < 0 || end > storedBytes)
      throw new TypeError(`bytes ${offset} to ${end} are not within ${storedBytes}`)
    if (this.#isClosed) throw new TypeError('the fragment reader is closed')
    if (this.#isReading) throw new TypeError('a fragment reader reads one range at a time')
    if (bytes === 0) return
    this.#isReading = true
    const ahead: Promise<Loaded>[] = []
    let next = Math.floor(offset / blockBytes)
    const beyond = Math.ceil(end / blockBytes)
    try {
      for (let block = next; block < beyond; block++) {
        throwIfAborted(options)
        for (; next < beyond && next <= block + BLOCKS_AHEAD; next++) {
          // Only the first: what is kept is given up when the next one is delivered.
          const isKept = next === this.#last?.block && ahead.length === 0 && next === block
          const loading = isKept ? Promise.resolve(this.#last as Loaded) : this.#load(next, options)
          // Its failure is thrown when its turn comes; until then nobody waits for it.
          loading.catch(() => undefined)
          ahead.push(loading)
        }
        const loaded = await (ahead.shift() as Promise<Loaded>)
        this.#keep(loaded)
        const start = block * blockBytes
        yield loaded.data.subarray(Math.max(0, offset - start), Math.min(end - start, loaded.data.length))
      }
    } finally {
      this.#lane.drop()
      for (const loading of ahead) this.#release(await loading.catch(() => undefined))
      this.#isReading = false
    }
  }

  /** Nothing is read any more. */
  close(): void {
    this.#isClosed = true
    this.#lane.close()
  }

  async #load(block: number, options: CallOptions | undefined): Promise<Loaded> {
    const { storedBytes, blockBytes, objectOf, dataOf } = this.#layout
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(TAPE_BLOCK_BYTES)
    try {
      const object = objectOf(block)
      await this.#lane.read(object, () => this.#reader.read(object, memory, options), options)
      const data = dataOf(block, memory)
      const length = Math.min(blockBytes, storedBytes - block * blockBytes)
      if (data.length < length)
        throw new FormatError('FRAGMENT_TRUNCATED', 0, `It holds ${data.length} bytes, not ${length}`)
      return { block, memory, data: data.subarray(0, length) }
    } catch (error) {
      this.#spare.push(memory)
      const lostOffset = block * blockBytes
      const part = { block, lostOffset, lostBytes: Math.min(blockBytes, storedBytes - lostOffset) }
      if (error instanceof FormatError) throw corruptFragment(this.#identity, error, part)
      throw error instanceof NbError ? notRead(this.#identity, error, part) : error
    }
  }

  /** The block that is delivered now; the one before it is not looked at any more. */
  #keep(loaded: Loaded): void {
    if (loaded === this.#last) return
    this.#release(this.#last)
    this.#last = loaded
  }

  #release(loaded: Loaded | undefined): void {
    if (loaded !== undefined) this.#spare.push(loaded.memory)
  }
}
