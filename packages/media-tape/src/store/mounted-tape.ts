import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type FragmentWriter,
  type MediumContent,
  type MountedMedium,
  type MountedVolume,
  NbError,
  type NewFragment,
  throwIfAborted,
} from '@nb/contracts'
import { BlockReader } from '../fragment/block-reader.ts'
import { FileBlocks } from '../multiplex/file-blocks.ts'
import type { WantedFragment } from '../fragment/find-fragment.ts'
import { OpenVolume, type OpenVolumeComponents } from '../volume-writer/open-volume.ts'
import { badPlace, endsAtBadPlace } from './bad-place.ts'
import { TapeFragmentWriter, headerOf } from './fragment-writer.ts'
import { TapeReading } from './tape-reading.ts'

/** What a mounted tape works with; `drive` is the volume's, whose errors are told. */
export interface MountedTapeParts extends OpenVolumeComponents {
  readonly storageUnit: string
  readonly mounted: MountedVolume
}

/** A volume that one session writes to. The drive does one thing at a time: while a fragment is written nothing is read. */
export class MountedTape implements MountedMedium {
  readonly #parts: MountedTapeParts
  readonly #volume: OpenVolume
  /** It does nothing while a fragment is written. */
  readonly #reading: TapeReading
  #writer: TapeFragmentWriter | undefined
  #isBeginning = false
  #unmounting: Promise<void> | undefined

  constructor(parts: MountedTapeParts) {
    const { mounted } = parts
    const identity = { volume: mounted.volumeId, generation: mounted.generation }
    this.#parts = parts
    this.#volume = new OpenVolume(parts, identity)
    this.#reading = new TapeReading({ ...parts, identity, check: () => this.#mustBeFree() })
  }

  async createFragment(fragment: NewFragment, options?: CallOptions): Promise<FragmentWriter> {
    this.#mustBeFree(options)
    this.#isBeginning = true
    try {
      this.#writer = await this.#begin(fragment, options)
      return this.#writer
    } finally {
      this.#isBeginning = false
    }
  }

  async #begin(fragment: NewFragment, options?: CallOptions): Promise<TapeFragmentWriter> {
    const volume = this.#volume
    const start = await volume.begin(options)
    const header = headerOf(start, fragment)
    const file = new FileBlocks(this.#parts.drive, start)
    try {
      await file.append(header)
    } catch (error) {
      const isBad = await endsAtBadPlace(file, error)
      if (isBad || (error instanceof NbError && error.code === 'media-end')) volume.filled()
      else volume.lost()
      throw isBad ? badPlace(file, error) : error
    }
    if (file.earlyWarning) {
      volume.filled()
      const { volume: volumeId } = start
      throw new NbError(
        'media-end',
        `Volume ${volumeId} has no room for another fragment: its end is near.`,
        {
          details: { volumeId },
        },
      )
    }
    return new TapeFragmentWriter({
      volume,
      file,
      reader: new BlockReader(this.#parts.drive),
      fragment,
      header,
    })
  }

  async openFragment(wanted: WantedFragment, options?: CallOptions): Promise<FragmentReader> {
    this.#mustBeFree(options)
    return this.#reading.open(wanted, options)
  }

  async describeFragment(
    input: Parameters<MountedMedium['describeFragment']>[0],
    options?: CallOptions,
  ): Promise<DescribedFragment | undefined> {
    this.#mustBeFree(options)
    return this.#reading.describe(input, options)
  }

  async *contents(options?: CallOptions): AsyncGenerator<MediumContent, void, undefined> {
    this.#mustBeFree(options)
    yield* this.#reading.contents(options)
  }

  unmount(): Promise<void> {
    this.#unmounting ??= this.#unmount()
    return this.#unmounting
  }

  async #unmount(): Promise<void> {
    try {
      await this.#writer?.discard()
      await this.#volume.close()
    } finally {
      await this.#parts.mounted.unmount()
    }
  }

  #mustBeFree(options?: CallOptions): void {
    const { volumeId } = this.#parts.mounted
    if (this.#unmounting !== undefined) throw new TypeError(`volume ${volumeId} is not mounted any more`)
    throwIfAborted(options)
    if (this.#isBeginning || this.#writer?.isOpen === true)
      throw new NbError('state-conflict', `A fragment is being written to volume ${volumeId}.`, {
        details: { volumeId },
      })
  }
}
