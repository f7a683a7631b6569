import {
  type CompressedFrame,
  type FragmentRecord,
  type FragmentTrailer,
  type FragmentWriter,
  type NbError,
  type NewFragment,
  asNbError,
} from '@nb/contracts'
import {
  BlockChecksums,
  FrameIndexWriter,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  encodeStreamBlock,
  encodeTapeTrailer,
  tapeBlockChecksum,
} from '@nb/formats'

/** A fragment in a multiplexed file, while it is written. */
export interface StreamWriter extends FragmentWriter {
  /** Number of the stream in its file. */
  readonly stream: number
  /** Whether it may still be written to. */
  readonly isOpen: boolean
  /** Whether the medium nears its end: all streams of the file are to be committed. */
  readonly mustEnd: boolean
}

/** What the file does for one of its streams. */
export interface StreamLane {
  readonly stream: number
  /** The block with the stream's header, which is written. */
  readonly header: Buffer
  readonly mustEnd: boolean
  /** Has a block written when its turn comes; gives its number in the file. */
  write(block: Buffer): Promise<number>
  /** Has the trailer written in one run, the footer last, and made durable; the stream has left then. */
  leave(trailer: (block: number) => Iterable<Buffer>): Promise<Pick<FragmentRecord, TapePart>>
  /** Leaves without a word: nothing more of it is written, and nobody reads what was. */
  drop(): void
}

/** What a record tells of where a fragment is. */
export type TapePart = 'volumeId' | 'filemark' | 'headerBlock' | 'footerBlock' | 'stream'

const nothing = (): void => undefined

/**
 * Makes blocks of one stream. `open` until `commit` or `discard`; a failure of the file, or of the commit, discards. No more than
 * `mostBlocks` of its blocks wait for their turns: then `write` waits as well.
 */
export class MultiplexedFragmentWriter implements StreamWriter {
  readonly #lane: StreamLane
  readonly #fragment: NewFragment
  readonly #mostBlocks: number
  readonly #headerChecksum: string
  readonly #frames: FrameIndexWriter | undefined
  readonly #checksums = new BlockChecksums(TAPE_BLOCK_BYTES)
  readonly #places: number[] = []
  readonly #waiting: Promise<void>[] = []
  readonly #partial = Buffer.allocUnsafe(STREAM_BLOCK_BYTES)
  #partialBytes = 0
  #blocks = 0
  #streamBytes = 0
  #storedBytes = 0
  #state: 'open' | 'committed' | 'discarded' = 'open'
  #failure: NbError | undefined

  constructor(lane: StreamLane, fragment: NewFragment, mostBlocks: number) {
    this.#lane = lane
    this.#fragment = fragment
    this.#mostBlocks = mostBlocks
    this.#headerChecksum = tapeBlockChecksum(lane.header)
    this.#frames = fragment.compression === undefined ? undefined : new FrameIndexWriter()
  }

  get stream(): number {
    return this.#lane.stream
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get mustEnd(): boolean {
    return this.#lane.mustEnd
  }

  get streamBytes(): number {
    return this.#streamBytes
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#frames !== undefined) throw new TypeError('a compressed fragment is written in frames')
    this.#mustBeOpen()
    this.#streamBytes += chunk.length
    await this.#store(chunk)
  }

  async writeFrame({ stored, streamBytes, startsAtMember }: CompressedFrame): Promise<void> {
    if (this.#frames === undefined) throw new TypeError('a fragment that is not compressed has no frames')
    this.#mustBeOpen()
    this.#frames.add({ storedBytes: stored.length, streamBytes, startsAtMember })
    this.#streamBytes += streamBytes
    await this.#store(stored)
  }

  async commit(trailer: FragmentTrailer): Promise<FragmentRecord> {
    this.#mustBeOpen()
    try {
      if (this.#partialBytes > 0) await this.#put(this.#partial.subarray(0, this.#partialBytes))
      while (this.#waiting.length > 0) await this.#waiting.shift()
      const place = await this.#lane.leave((block) => this.#trailer(trailer, block))
      this.#state = 'committed'
      const { number, streamOffset, startsAtMember } = this.#fragment
      return {
        ...{ number, streamOffset, streamBytes: this.#streamBytes },
        wholeMembers: startsAtMember && trailer.endsAtMember,
        blockBytes: STREAM_BLOCK_BYTES,
        ...(this.#frames === undefined ? {} : { storedBytes: this.#storedBytes }),
        ...place,
      }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'discarded'
    this.#lane.drop()
  }

  async #store(bytes: Uint8Array): Promise<void> {
    this.#storedBytes += bytes.length
    try {
      for (let at = 0; at < bytes.length;) {
        const count = Math.min(bytes.length - at, STREAM_BLOCK_BYTES - this.#partialBytes)
        const piece = bytes.subarray(at, at + count)
        at += count
        if (count === STREAM_BLOCK_BYTES) {
          await this.#put(piece)
          continue
        }
        this.#partial.set(piece, this.#partialBytes)
        this.#partialBytes += count
        if (this.#partialBytes === STREAM_BLOCK_BYTES) await this.#put(this.#partial)
      }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #put(data: Uint8Array): Promise<void> {
    while (this.#waiting.length >= this.#mostBlocks) await this.#waiting.shift()
    // It may have been discarded meanwhile.
    this.#mustBeOpen()
    const { stream } = this.#lane
    const identity = { stream, sequence: this.#blocks, headerChecksum: this.#headerChecksum }
    const block = encodeStreamBlock({ ...identity, data })
    this.#checksums.update(block)
    this.#blocks += 1
    this.#partialBytes = 0
    const written = this.#lane.write(block).then((place) => void this.#places.push(place))
    // A failure is told to the next call that has to wait, and to all after it.
    written.catch(nothing)
    this.#waiting.push(written)
  }

  #trailer(trailer: FragmentTrailer, block: number): Iterable<Buffer> {
    return encodeTapeTrailer({
      ...{ header: this.#lane.header, block },
      ...{ payloadBytes: this.#streamBytes, storedBytes: this.#storedBytes },
      ...{ endsAtMemberBoundary: trailer.endsAtMember, lastFragment: trailer.last },
      ...{ image: trailer.image, files: trailer.fileList },
      ...(this.#frames === undefined ? {} : { frames: this.#frames.finish() }),
      ...{ places: this.#places, blocks: this.#checksums.finish() },
    })
  }

  #failed(error: unknown): unknown {
    if (this.#state === 'open') {
      this.#state = 'discarded'
      this.#lane.drop()
      if (!(error instanceof TypeError)) this.#failure = asNbError(error)
    }
    return this.#failure ?? error
  }

  #mustBeOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state === 'open') return
    const { backupId, number } = this.#fragment
    throw new TypeError(`fragment ${number} of image ${backupId} is ${this.#state}`)
  }
}
