import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type FragmentRecord,
  type FragmentWriter,
  type MediumContent,
  type MountedMedium,
  type MountedVolume,
  NbError,
  type NewFragment,
  type TapeDrive,
  throwIfAborted,
} from '@nb/contracts'
import { BlockReader } from '../fragment/block-reader.ts'
import { FileBlocks } from '../multiplex/file-blocks.ts'
import type { ReadVolume, WantedFragment } from '../fragment/find-fragment.ts'
import { describeStreamFragment, openStreamFragment } from '../multiplex/open-stream.ts'
import { OpenVolume, type OpenVolumeComponents } from '../volume-writer/open-volume.ts'
import { badPlace, endsAtBadPlace } from './bad-place.ts'
import { contentsOf } from './contents.ts'
import { guardedDrive } from './guarded-drive.ts'
import { TapeFragmentWriter, headerOf } from './fragment-writer.ts'
import { describePlainFragment, openPlainFragment } from './open-plain.ts'

/** What a mounted tape works with; `drive` is the volume's, whose errors are told. */
export interface MountedTapeParts extends OpenVolumeComponents {
  readonly storageUnit: string
  readonly mounted: MountedVolume
  readonly purpose: 'read' | 'write'
}

/** A volume while one session uses it. The drive does one thing at a time: while a fragment is written nothing is read. */
export class MountedTape implements MountedMedium {
  readonly #parts: MountedTapeParts
  readonly #volume: OpenVolume
  readonly #streams: ReadVolume
  /** The drive for those who read: it does nothing while a fragment is written. */
  readonly #reading: TapeDrive
  #writer: TapeFragmentWriter | undefined
  #isBeginning = false
  #unmounting: Promise<void> | undefined

  constructor(parts: MountedTapeParts) {
    const { storageUnit, mounted, drive } = parts
    const identity = { volume: mounted.volumeId, generation: mounted.generation }
    this.#parts = parts
    this.#volume = new OpenVolume(parts, identity)
    this.#reading = guardedDrive(drive, () => this.#mustBeFree())
    this.#streams = { storageUnit, identity, reader: new BlockReader(this.#reading) }
  }

  async createFragment(fragment: NewFragment, options?: CallOptions): Promise<FragmentWriter> {
    this.#mustBeFree(options)
    if (this.#parts.purpose !== 'write') throw new TypeError('the volume is mounted to be read')
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

  async openFragment(
    wanted: { readonly backupId: string; readonly copy: number; readonly fragment: FragmentRecord },
    options?: CallOptions,
  ): Promise<FragmentReader> {
    this.#mustBeFree(options)
    const open = wanted.fragment.stream === undefined ? openPlainFragment : openStreamFragment
    return open(this.#streams, wanted, options)
  }

  async describeFragment(
    input: {
      readonly backupId: string
      readonly copy: number
      readonly number: number
      readonly fragment?: FragmentRecord
    },
    options?: CallOptions,
  ): Promise<DescribedFragment | undefined> {
    this.#mustBeFree(options)
    const { backupId, copy, number } = input
    const fragment = input.fragment ?? (await this.#find(input, options))
    if (fragment === undefined) return undefined
    const wanted: WantedFragment = { backupId, copy, fragment: { ...fragment, number } }
    const describe = fragment.stream === undefined ? describePlainFragment : describeStreamFragment
    return describe(this.#streams, wanted, options).catch((error: unknown) => {
      if (error instanceof NbError && error.code === 'fragment-missing') return undefined
      throw error
    })
  }

  async *contents(options?: CallOptions): AsyncGenerator<MediumContent, void, undefined> {
    this.#mustBeFree(options)
    yield* contentsOf(this.#reading, this.#streams, options)
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

  /** Of those with the same number the one that was written last. */
  async #find(
    wanted: { readonly backupId: string; readonly copy: number; readonly number: number },
    options?: CallOptions,
  ): Promise<FragmentRecord | undefined> {
    const { backupId, copy, number } = wanted
    let found: FragmentRecord | undefined
    for await (const content of contentsOf(this.#reading, this.#streams, options))
      if (
        content.kind === 'fragment' &&
        content.backupId === backupId &&
        content.copy === copy &&
        content.fragment.number === number
      )
        found = content.fragment
    return found
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
