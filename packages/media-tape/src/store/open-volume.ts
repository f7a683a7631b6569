import {
  type CallOptions,
  type Clock,
  type Logger,
  type MediaManager,
  NbError,
  type TapeDrive,
  asNbError,
} from '@nb/contracts'
import { type TapeIdentity, encodeTapeEnd } from '@nb/formats'
import type { TapeFileStart } from '../multiplex/file-blocks.ts'
import { type VolumeEnd, findVolumeEnd } from './find-end.ts'
import { FIRST_FRAGMENT_FILE, standAt } from './tape-files.ts'

/** What a volume is written with. */
export interface OpenVolumeComponents {
  /** Nobody else gives it commands. */
  readonly drive: TapeDrive
  readonly media: Pick<MediaManager, 'recordVolumeFiles' | 'reportError' | 'setVolumeState'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Which volume, and for whom. */
export interface OpenVolumeInput {
  readonly identity: TapeIdentity
  /** What the media manager knows to be whole; `undefined` on a volume that was just labelled. */
  readonly files: number | undefined
  /** Whose errors they are. */
  readonly jobId: string
}

/** A tape file that was written to its end: its filemark is on the medium. */
export interface WrittenFile {
  /** Where the drive stands, behind the filemark. */
  readonly object: number
  /** Checksum of its last block. */
  readonly lastBlock: string
  /** Fragments in it. */
  readonly fragments: number
  /** Whether the end of the medium is near. */
  readonly earlyWarning: boolean
}

/**
 * A volume in a drive, as far as its end goes: where the next tape file is written, and what stands there when none follows. `begin` tells
 * the place and gives the drive away until `wrote`, `left` or `failed` is told; one file at a time. Once the end of the medium is near, or
 * the medium failed, no file is begun any more.
 */
export class OpenVolume {
  readonly #components: OpenVolumeComponents
  readonly #input: OpenVolumeInput
  #end: VolumeEnd | undefined
  #isWriting = false
  /** Whether what stands at the end, if anything, is no end of a tape. */
  #isUnended = false
  #isFull = false
  #failure: NbError | undefined

  constructor(components: OpenVolumeComponents, input: OpenVolumeInput) {
    this.#components = components
    this.#input = input
  }

  get identity(): TapeIdentity {
    return this.#input.identity
  }

  /** Whether a tape file is being written: the drive is its writer's alone. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  /**
   * Stands where the next tape file begins, proven. Rejects with `media-end` where the volume has no room for one, with what it failed with
   * before, `media-open-failed` where its end can't be proven, and as the drive does.
   */
  async begin(options?: CallOptions): Promise<TapeFileStart> {
    if (this.#isWriting) throw new TypeError('one tape file is written at a time')
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isFull) throw this.#noRoom()
    this.#isWriting = true
    try {
      const end = (this.#end ??= await this.#find(options))
      if (end.full) {
        await this.#filled()
        throw this.#noRoom()
      }
      await standAt(this.#components.drive, end.object)
      // From here on what the volume ended with may be overwritten.
      this.#isUnended = true
      return { ...this.identity, file: end.file, object: end.object }
    } catch (error) {
      this.#isWriting = false
      throw error
    }
  }

  /**
   * A file has been written to its end. Resolves when the media manager knows it, durably: only then what is in it may be reported. Rejects
   * where that can't be told to it; the file is there nevertheless, and nobody reads it.
   */
  async wrote({ object, lastBlock, fragments, earlyWarning }: WrittenFile): Promise<void> {
    const { media } = this.#components
    const before = this.#end
    if (!this.#isWriting || before === undefined) throw new TypeError('no tape file is being written')
    this.#isWriting = false
    const file = before.file + 1
    this.#end = {
      file,
      object,
      fragments: before.fragments + fragments,
      lastBlock,
      ended: false,
      full: false,
    }
    if (earlyWarning) await this.#filled()
    const { volume: volumeId, generation } = this.identity
    await media.recordVolumeFiles({ volumeId, generation, files: file })
  }

  /** What was begun has been given up; the next file takes its place. */
  left(): void {
    this.#isWriting = false
  }

  /**
   * A file could not be written: it is given up, and nothing more is written on this volume. At the hard end of the medium the volume is full.
   * An error of the medium is reported.
   */
  async failed(error: NbError): Promise<void> {
    this.#isWriting = false
    this.#failure ??= error
    if (error.code === 'media-end') await this.#filled()
    const kind = error.code === 'media-position-failed' ? 'position' : 'write'
    // How a command ended whose answer was lost says nothing of the medium.
    const isOfMedium = error.code === 'media-write-failed' && error.details['meaning'] !== 'end-unknown'
    if (!isOfMedium && kind === 'write') return
    const { media, drive, logger } = this.#components
    const { volume: volumeId } = this.identity
    const { jobId } = this.#input
    await media.reportError({ volumeId, drive: drive.name, kind, jobId }).catch((failure: unknown) => {
      logger.error('job %s: an error of volume %s was not noted: %o', jobId, volumeId, failure)
    })
  }

  /**
   * Writes the end of the tape, where something has been written and none stands there. Never rejects: where it can't be written, the next
   * append finds out by reading where the volume ends.
   */
  async close(): Promise<void> {
    const { drive, logger } = this.#components
    const end = this.#end
    const isBroken = this.#failure !== undefined && this.#failure.code !== 'media-end'
    if (this.#isWriting || end === undefined || !this.#isUnended || isBroken) return
    try {
      await this.#writeEnd(end)
      this.#isUnended = false
    } catch (error) {
      logger.error('volume %s in drive %s: no end was written: %o', this.identity.volume, drive.name, error)
    }
  }

  async #writeEnd({ file, object, fragments, lastBlock }: VolumeEnd): Promise<void> {
    const { drive, clock } = this.#components
    const data = encodeTapeEnd({
      ...{ ...this.identity, file, fragments },
      ...(lastBlock === undefined ? {} : { lastFooter: lastBlock }),
      ...{ full: this.#isFull, created: new Date(clock.now()).toISOString() },
    })
    await standAt(drive, object)
    const block = await drive.writeBlock({ data })
    if (!block.written) throw this.#noRoom()
    // Two: one that ends the file, one that ends the tape.
    await drive.writeFilemarks({ count: 2 })
  }

  async #find(options: CallOptions | undefined): Promise<VolumeEnd> {
    const { drive, media, logger } = this.#components
    const { identity, files = FIRST_FRAGMENT_FILE } = this.#input
    try {
      const end = await findVolumeEnd(drive, { identity, files }, options)
      this.#isUnended = !end.ended
      if (end.file > files)
        await media.recordVolumeFiles({
          ...{ volumeId: identity.volume, generation: identity.generation },
          files: end.file,
        })
      logger('volume %s: file %d is next, at object %d', identity.volume, end.file, end.object)
      return end
    } catch (error) {
      const failure = error instanceof NbError ? error : asNbError(error)
      if (failure.code === 'media-position-failed' || failure.code === 'media-write-failed')
        await this.failed(failure)
      throw error
    }
  }

  /** Nothing more fits: the media manager is told, so that the volume is given to nobody. */
  async #filled(): Promise<void> {
    if (this.#isFull) return
    this.#isFull = true
    const { media, logger } = this.#components
    const { volume: volumeId } = this.identity
    const reason = 'the end of the medium was reached'
    await media.setVolumeState({ volumeId, state: 'full', reason }).catch((error: unknown) => {
      // Whoever is given it nevertheless finds its end, which says so.
      logger.error('volume %s is full, and that was not noted: %o', volumeId, error)
    })
  }

  #noRoom(): NbError {
    const { volume } = this.identity
    return new NbError('media-end', `Volume ${volume} has no room for another fragment: its end is near.`, {
      details: { volumeId: volume, drive: this.#components.drive.name },
    })
  }
}
