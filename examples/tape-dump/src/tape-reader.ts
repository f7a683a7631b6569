import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, type TapeRead } from '@nb/formats'

/** A drive as a dump reads it: blocks by themselves, damage as an answer. */
export class TapeReader {
  readonly #drive: TapeDrive
  readonly #options: CallOptions | undefined
  /** More than a block of ours, so that a longer one is seen to be none. */
  readonly #target: Buffer = Buffer.allocUnsafe(TAPE_BLOCK_BYTES + 512)
  #object = 0

  constructor(drive: TapeDrive, options?: CallOptions) {
    this.#drive = drive
    this.#options = options
  }

  /** Objects before where the tape stands. */
  get object(): number {
    return this.#object
  }

  /** What stands here; the bytes are a copy. */
  async read(): Promise<TapeRead> {
    try {
      const read = await this.#drive.readBlock({ target: this.#target }, this.#options)
      this.#object = read.position.object
      if (read.kind !== 'block') return { kind: read.kind }
      const bytes = Buffer.from(this.#target.subarray(0, Math.min(read.blockBytes, this.#target.length)))
      return { kind: 'block', bytes }
    } catch (error) {
      if (!(error instanceof NbError) || error.code !== 'media-read-failed') throw error
      this.#object = (await this.#drive.position(this.#options)).object
      return { kind: 'unreadable' }
    }
  }

  /** Goes behind the next filemark. @returns whether there was one */
  async nextFile(): Promise<boolean> {
    const { passed, position } = await this.#drive.space({ over: 'filemarks', count: 1 }, this.#options)
    this.#object = position.object
    return passed === 1
  }

  /** The last block of the file in which the tape stands, and then stands behind it: before its filemark, or at the end of data. */
  async readLast(): Promise<TapeRead> {
    if (await this.nextFile()) await this.#drive.space({ over: 'filemarks', count: -1 }, this.#options)
    await this.#drive.space({ over: 'blocks', count: -1 }, this.#options)
    return this.read()
  }

  /** The block that is object `object`, or `undefined` where none can be read there. */
  async readAt(object: number): Promise<Buffer | undefined> {
    await this.#drive.locate({ object }, this.#options)
    const read = await this.read()
    return read.kind === 'block' ? Buffer.from(read.bytes) : undefined
  }
}
