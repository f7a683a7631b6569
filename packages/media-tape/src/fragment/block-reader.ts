import { type CallOptions, NbError, SerialQueue, type TapeDrive, throwIfAborted } from '@nb/contracts'
import { FormatError, TAPE_BLOCK_BYTES } from '@nb/formats'

/**
 * Up to so many blocks are passed over by SPACE, which a drive does at its own pace without sending them; a longer way is a
 * LOCATE, for which it winds at full speed.
 */
const MOST_SPACED_BLOCKS = 1024

/**
 * Reads single blocks of a volume at places that are known, for all who read from one drive. The drive tells where it stood after each
 * read; what was not read where it should have been is not given out.
 */
export class BlockReader {
  readonly #drive: TapeDrive
  readonly #reads = new SerialQueue()
  /** Where the drive stood after the last read; somebody else may have moved it since. */
  #at: number | undefined

  constructor(drive: TapeDrive) {
    this.#drive = drive
  }

  /**
   * Reads the block at a logical object into `target`, of 262,144 bytes, which it gives back. Rejects with a `FormatError` where none of
   * that length stands there, and as the drive does.
   */
  read(object: number, target: Buffer, options?: CallOptions): Promise<Buffer> {
    return this.#reads.run(async () => {
      throwIfAborted(options)
      const at = await this.#near(object)
      if (at !== object) await this.#drive.locate({ object })
      const read = await this.#drive.readBlock({ target })
      if (at !== object || read.position.object === object + 1) return this.#block(read, object, target)
      // The drive was moved by somebody else.
      await this.#drive.locate({ object })
      return this.#block(await this.#drive.readBlock({ target }), object, target)
    })
  }

  /** Does something with the drive while nothing is read, from wherever it stands. */
  alone<Result>(work: () => Promise<Result>, options?: CallOptions): Promise<Result> {
    return this.#reads.run(async () => {
      throwIfAborted(options)
      this.#at = undefined
      return work()
    })
  }

  #block(read: Awaited<ReturnType<TapeDrive['readBlock']>>, object: number, target: Buffer): Buffer {
    this.#at = read.position.object
    if (read.kind !== 'block')
      throw new FormatError('FRAGMENT_TRUNCATED', 0, `At object ${object} stands no block but ${read.kind}`)
    if (read.position.object !== object + 1)
      throw new NbError(
        'media-position-failed',
        `Drive ${this.#drive.name} was to read object ${object} and stands at ${read.position.object} then.`,
        { details: { drive: this.#drive.name, object: read.position.object } },
      )
    if (read.blockBytes === TAPE_BLOCK_BYTES) return target
    throw new FormatError(
      'FRAGMENT_TRUNCATED',
      0,
      `At object ${object} is a block of ${read.blockBytes} bytes`,
    )
  }

  /** Goes on to the object where it is a little further on; tells where the drive stands, as far as is known. */
  async #near(object: number): Promise<number | undefined> {
    const at = this.#at
    // Whatever fails from here on, the place is not known any more.
    this.#at = undefined
    if (at === undefined || object <= at || object - at > MOST_SPACED_BLOCKS) return at
    const { position } = await this.#drive.space({ over: 'blocks', count: object - at })
    return position.object
  }
}
