import {
  type CallOptions,
  type Clock,
  type Logger,
  type MediaManager,
  NbError,
  type TapeDrive,
} from '@nb/contracts'
import { type TapeIdentity, encodeTapeEnd } from '@nb/formats'
import { isOfMedium } from '../ssc/of-medium.ts'
import { FileBlocks, type TapeFileStart } from '../multiplex/file-blocks.ts'
import type { AppendedVolume } from '../multiplex/multiplex-group.ts'
import { type AppendPlace, findAppendPlace } from './find-end.ts'

/** What an open volume works with. */
export interface OpenVolumeComponents {
  readonly drive: TapeDrive
  readonly media: Pick<MediaManager, 'volumes' | 'recordVolumeFiles' | 'setVolumeState'>
  readonly clock: Clock
  readonly logger: Logger
}

/** A tape file that has been written to its end. */
export interface WrittenFile {
  /** Where the drive stands: behind its filemark. */
  readonly object: number
  /** Checksum of its last block. */
  readonly lastBlock: string
  /** Fragments in it. */
  readonly fragments: number
  /** Whether the end of the medium is near: then it is the volume's last. */
  readonly earlyWarning: boolean
}

/**
 * The end of a volume that is mounted to be written to: where the next file begins, proven by reading once and kept up from then on; and what
 * closes it, `.nb/END.json` and two filemarks, when nobody goes on.
 *
 * `unknown` until the first {@link begin}, and again after {@link lost}. One file is written at a time.
 */
export class OpenVolume implements AppendedVolume {
  readonly identity: TapeIdentity
  readonly #parts: OpenVolumeComponents
  #place: AppendPlace | undefined
  /** Files that are known to be whole, where the place has to be found out anew. */
  #files: number | undefined
  /** Whether something may have been written over the end. */
  #isOpen = false
  #isFull = false
  /** Whether the media manager knows that. */
  #isTold = false

  constructor(parts: OpenVolumeComponents, identity: TapeIdentity) {
    this.#parts = parts
    this.identity = identity
  }

  /** Whether nothing more may be appended, as far as is known. */
  get isFull(): boolean {
    return this.#isFull
  }

  /**
   * Brings the drive to where the next file begins. Rejects with `media-end` where the volume is full, with `media-open-failed` where its
   * end can't be proven: it is frozen then, and as the drive does.
   */
  async begin(options?: CallOptions): Promise<TapeFileStart> {
    const { drive } = this.#parts
    const { file, object, isFull } = await this.#proven(options)
    this.#isFull ||= isFull
    if (this.#isFull) {
      await this.#tellFull('its end was reached')
      throw this.#noRoom()
    }
    await drive.locate({ object }, options)
    this.#isOpen = true
    return { ...this.identity, file, object }
  }

  /** A file that began at {@link begin} is whole, durably. */
  async ended(written: WrittenFile): Promise<void> {
    const place = this.#place
    if (place === undefined) throw new TypeError('no file was begun')
    const { object, lastBlock, fragments, earlyWarning } = written
    const file = place.file + 1
    this.#place = {
      ...{ file, object, lastBlock, fragments: place.fragments + fragments },
      ...{ isFull: false, hasEnd: false },
    }
    this.#isFull ||= earlyWarning
    this.#files = file
    await this.#tellFiles(file)
    // At once: whoever asks for the next volume is not given this one again.
    if (this.#isFull) await this.#tellFull('its end was reached')
  }

  /** The medium took no more where there was no warning: nothing is appended any more. */
  filled(): void {
    this.#isFull = true
  }

  /** Something failed: where the volume ends has to be found out anew. */
  lost(): void {
    this.#place = undefined
  }

  /**
   * Writes the end, if something was written over it; tells the media manager of a volume that is full. What fails is logged: then the end of
   * data closes the tape, and whoever appends finds out by reading. Where the medium doesn't take the end, the volume is full.
   */
  async close(): Promise<void> {
    const { volume } = this.identity
    try {
      if (this.#isOpen) await this.#writeEnd()
      if (this.#isFull) await this.#tellFull('its end was reached')
    } catch (error) {
      this.#parts.logger.error('%s: its end could not be written: %o', volume, error)
      this.lost()
      if (isOfMedium(error)) await this.#tellFull('its end could not be written')
    }
  }

  async #writeEnd(): Promise<void> {
    const { drive, clock } = this.#parts
    const { file, object, fragments, lastBlock } = await this.#proven()
    const place = { ...this.identity, file }
    const end = encodeTapeEnd({
      ...place,
      ...{ fragments, full: this.#isFull, created: new Date(clock.now()).toISOString() },
      ...(lastBlock === undefined ? {} : { lastFooter: lastBlock }),
    })
    const blocks = new FileBlocks(drive, { ...place, object })
    await blocks.backTo(0)
    await blocks.append(end)
    await blocks.end(2)
    this.#isOpen = false
    this.#isFull ||= blocks.earlyWarning
  }

  async #proven(options?: CallOptions): Promise<AppendPlace> {
    if (this.#place !== undefined) return this.#place
    const { drive } = this.#parts
    try {
      this.#place = await findAppendPlace(drive, { ...this.identity, ...(await this.#known()) }, options)
    } catch (error) {
      if (error instanceof NbError && error.details['unproven'] === true) await this.#freeze(error.message)
      throw error
    }
    const { file } = this.#place
    if (file > (this.#files ?? 0)) await this.#tellFiles(file)
    this.#files = file
    return this.#place
  }

  /** How many files the media manager knows to be whole. */
  async #known(): Promise<{ readonly files?: number }> {
    if (this.#files !== undefined) return { files: this.#files }
    const { volume: volumeId, generation } = this.identity
    for await (const volume of this.#parts.media.volumes({ volumeId }))
      if (volume.generation === generation && volume.files !== undefined) return { files: volume.files }
    return {}
  }

  /** It is a lower bound: without it more is read at the next append. */
  async #tellFiles(files: number): Promise<void> {
    const { media, logger } = this.#parts
    const { volume: volumeId, generation } = this.identity
    await media
      .recordVolumeFiles({ volumeId, generation, files })
      .catch((error: unknown) => logger.error('%s: its files are not recorded: %o', volumeId, error))
  }

  async #tellFull(reason: string): Promise<void> {
    if (!this.#isTold) this.#isTold = await this.#tellState('full', reason)
  }

  async #freeze(reason: string): Promise<void> {
    await this.#tellState('frozen', reason)
  }

  async #tellState(state: 'full' | 'frozen', reason: string): Promise<boolean> {
    const { media, logger } = this.#parts
    const { volume: volumeId } = this.identity
    try {
      await media.setVolumeState({ volumeId, state, reason })
      return true
    } catch (error) {
      // Whoever is given it nevertheless finds out at its end.
      logger.error('%s: it is not noted to be %s: %o', volumeId, state, error)
      return false
    }
  }

  #noRoom(): NbError {
    const { volume: volumeId } = this.identity
    return new NbError('media-end', `Volume ${volumeId} is full: nothing more is appended to it.`, {
      details: { volumeId },
    })
  }
}
