import { NbError, type TapeDrive, type TapePosition } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, type TapePlace, tapeBlockChecksum } from '@nb/formats'

/** Where a tape file begins. */
export interface TapeFileStart extends TapePlace {
  /** Logical object at which it begins; the drive stands there when it is to be written. */
  readonly object: number
}

/** The tape file that is being written: its blocks are counted, and each has to stand where the count says. */
export class FileBlocks {
  readonly start: TapeFileStart
  readonly #drive: TapeDrive
  #count: number
  #earlyWarning = false

  /** @param count - blocks of the file that stand already before the drive */
  constructor(drive: TapeDrive, start: TapeFileStart, count = 0) {
    this.#drive = drive
    this.start = start
    this.#count = count
  }

  /** Blocks so far: the number of the next one. */
  get count(): number {
    return this.#count
  }

  /** Whether the drive has said that the end of the medium is near. */
  get earlyWarning(): boolean {
    return this.#earlyWarning
  }

  /** Writes the next block. Rejects with `media-end` at the hard end, and as the drive does. */
  async append(data: Uint8Array): Promise<void> {
    const { written, position } = await this.#drive.writeBlock({ data })
    if (!written) throw this.#atEnd()
    this.#standsAt(position, this.#count + 1)
    this.#count += 1
  }

  /** Makes all blocks so far durable; the file goes on. */
  async flush(): Promise<void> {
    const { written, position } = await this.#drive.writeFilemarks({ count: 0 })
    if (!written) throw this.#atEnd()
    this.#standsAt(position, this.#count)
  }

  /** Ends the file, durably; with two filemarks it is the tape's last. */
  async end(filemarks: 1 | 2 = 1): Promise<TapePosition> {
    const { written, position } = await this.#drive.writeFilemarks({ count: filemarks })
    if (!written) throw this.#atEnd()
    this.#standsAt(position, this.#count + filemarks)
    return position
  }

  /** Goes back to before a block of the file: what is written next overwrites it. */
  async backTo(block: number): Promise<void> {
    const position = await this.#drive.locate({ object: this.start.object + block })
    this.#standsAt(position, block)
    this.#count = block
  }

  /**
   * Goes back to behind a block of the file, which has to be the one with this checksum. Rejects with `media-position-failed` where it is
   * another: nothing is overwritten then.
   */
  async backBehind(block: number, checksum: string): Promise<void> {
    await this.backTo(block)
    const target = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
    const read = await this.#drive.readBlock({ target })
    const isIt =
      read.kind === 'block' && read.blockBytes === target.length && tapeBlockChecksum(target) === checksum
    if (!isIt) throw this.#misplaced(`block ${block} is not the one that was written`, read.position)
    this.#standsAt(read.position, block + 1)
    this.#count = block + 1
  }

  /**
   * Blocks of the file that are on the tape or on their way, after a failure; `undefined` where the drive has lost its volume and loaded it
   * anew: then only what had been made durable is there, and the place has to be proven.
   */
  async reached(): Promise<number | undefined> {
    try {
      const { object } = await this.#drive.position()
      return object - this.start.object
    } catch (error) {
      if (!(error instanceof NbError) || error.code !== 'drive-not-ready') throw error
      await this.#drive.load()
      return undefined
    }
  }

  #standsAt(position: TapePosition, block: number): void {
    this.#earlyWarning ||= position.earlyWarning
    if (position.object === this.start.object + block) return
    throw this.#misplaced(
      `it stands at object ${position.object}, not ${this.start.object + block}`,
      position,
    )
  }

  #misplaced(why: string, { object }: TapePosition): NbError {
    const { volume, file } = this.start
    return new NbError(
      'media-position-failed',
      `Drive ${this.#drive.name} is not where file ${file} of volume ${volume} is written: ${why}.`,
      { details: { volumeId: volume, file, object, drive: this.#drive.name } },
    )
  }

  #atEnd(): NbError {
    const { volume, file, object } = this.start
    return new NbError('media-end', `Volume ${volume} came to its end while its file ${file} was written.`, {
      details: { volumeId: volume, file, object: object + this.#count, drive: this.#drive.name },
    })
  }
}
