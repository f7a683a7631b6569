import { type CallOptions, type OpenFile, throwIfAborted } from '@nb/contracts'
import { FormatError, checkBlock } from '@nb/formats'
import { mediaFailure } from './failure.ts'
import { type CheckedFragment, type FragmentIdentity, corruptFragment } from './fragment-check.ts'

/** Blocks are fetched in groups of about this size: big enough for a disk, small enough for one file. */
const GROUP_BYTES = 1024 * 1024

/** A row of verified blocks in memory. */
interface Group {
  readonly start: number
  readonly end: number
  readonly bytes: Buffer
}

const nothing: Group = { start: 0, end: 0, bytes: Buffer.alloc(0) }

/**
 * Reads a fragment's payload as it is stored, in groups of blocks that are checked: the next one while the present one is used.
 * Keeps the last for reads nearby.
 */
export class StoredPayload {
  readonly #file: OpenFile
  readonly #identity: FragmentIdentity
  readonly #fragment: CheckedFragment
  readonly #groupBlocks: number
  #spare: Buffer[] = []
  #last: Group = nothing
  #reading = false

  constructor(file: OpenFile, identity: FragmentIdentity, fragment: CheckedFragment) {
    this.#file = file
    this.#identity = identity
    this.#fragment = fragment
    this.#groupBlocks = Math.max(1, Math.floor(GROUP_BYTES / fragment.footer.blockBytes))
  }

  async *read(
    input: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { offset, bytes } = input
    const end = offset + bytes
    const { storedBytes } = this.#fragment.footer
    if (offset < 0 || bytes < 0 || end > storedBytes)
      throw new TypeError(`bytes ${offset} to ${end} are not within ${storedBytes}`)
    if (this.#reading) throw new TypeError('a fragment reader reads one range at a time')
    this.#reading = true
    let ahead: Promise<Group> | undefined
    try {
      for (let position = offset; position < end;) {
        throwIfAborted(options)
        const group = await (ahead ?? this.#at(position, end))
        ahead = group.end < end ? this.#fetch(group.end, end) : undefined
        // Its failure is thrown when its turn comes; until then nobody waits for it.
        ahead?.catch(() => undefined)
        this.#keep(group)
        yield group.bytes.subarray(position - group.start, Math.min(end, group.end) - group.start)
        position = group.end
      }
    } finally {
      if (ahead !== undefined) this.#release(await ahead.catch(() => nothing))
      this.#reading = false
    }
  }

  /** Bytes of a block. */
  get blockBytes(): number {
    return this.#fragment.footer.blockBytes
  }

  /** Fills `into` with the blocks from the one that begins at `offset` on, once they are checked. */
  async readInto(
    { offset, into }: { readonly offset: number; readonly into: Uint8Array },
    options?: CallOptions,
  ): Promise<void> {
    throwIfAborted(options)
    const { blockBytes, storedBytes } = this.#fragment.footer
    const end = offset + into.length
    const isWhole = offset % blockBytes === 0 && (end % blockBytes === 0 || end === storedBytes)
    if (offset < 0 || end > storedBytes || !isWhole)
      throw new TypeError(`bytes ${offset} to ${end} are no blocks of ${blockBytes} within ${storedBytes}`)
    if (this.#reading) throw new TypeError('a fragment reader reads one range at a time')
    this.#reading = true
    try {
      await this.#readBlocks(into, offset / blockBytes)
    } finally {
      this.#reading = false
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  #at(position: number, end: number): Promise<Group> {
    const { start, end: lastEnd } = this.#last
    if (position >= start && position < lastEnd) return Promise.resolve(this.#last)
    return this.#fetch(position, end)
  }

  /** Reads and checks the blocks from the one that holds `position`, at most a group and no further than `end`. */
  async #fetch(position: number, end: number): Promise<Group> {
    const { blockBytes, storedBytes } = this.#fragment.footer
    const first = Math.floor(position / blockBytes)
    const beyond = Math.min(first + this.#groupBlocks, Math.ceil(end / blockBytes))
    const start = first * blockBytes
    const stop = Math.min(beyond * blockBytes, storedBytes)
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#groupBlocks * blockBytes)
    const bytes = buffer.subarray(0, stop - start)
    await this.#readBlocks(bytes, first)
    return { start, end: stop, bytes }
  }

  /** Fills `bytes` with the blocks from `first` on, and checks them. */
  async #readBlocks(bytes: Uint8Array, first: number): Promise<void> {
    const { blocks, payloadAt } = this.#fragment
    const { blockBytes, storedBytes } = this.#fragment.footer
    let block = first
    try {
      const count = await this.#file.read(bytes, payloadAt + first * blockBytes)
      for (let from = 0; from < bytes.length; from += blockBytes, block++)
        checkBlock(bytes.subarray(from, Math.min(from + blockBytes, count)), blocks, block)
    } catch (error) {
      const lostOffset = block * blockBytes
      const lostBytes = Math.min(blockBytes, storedBytes - lostOffset)
      if (error instanceof FormatError)
        throw corruptFragment(this.#identity, error, { block, lostOffset, lostBytes })
      throw mediaFailure(error, 'media-read-failed', 'reading', this.#identity)
    }
  }

  /** The group that is delivered now; the one before it is not looked at any more. */
  #keep(group: Group): void {
    if (group === this.#last) return
    this.#release(this.#last)
    this.#last = group
  }

  #release(group: Group): void {
    if (group !== nothing) this.#spare.push(Buffer.from(group.bytes.buffer))
  }
}
