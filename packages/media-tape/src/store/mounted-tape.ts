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
import type { StreamVolume, WantedStream } from '../multiplex/open-stream.ts'
import { beginTapeFragment } from './fragment-writer.ts'
import { describeTapeFragment, openTapeFragment } from './open-fragment.ts'
import type { OpenVolume } from './open-volume.ts'
import { volumeContents } from './volume-contents.ts'

/** A volume in a drive while one job uses it. */
export interface MountedTapeParts {
  readonly storageUnit: string
  readonly mounted: MountedVolume
  /** The volume's end; absent where it is only read. */
  readonly volume?: OpenVolume
}

/**
 * The medium of one job. While a fragment is open the drive is its writer's alone: whatever would move the tape rejects with
 * `state-conflict`.
 */
export class MountedTape implements MountedMedium {
  readonly #mounted: MountedVolume
  readonly #volume: OpenVolume | undefined
  readonly #read: StreamVolume
  #writer: FragmentWriter | undefined
  #unmounting: Promise<void> | undefined

  constructor({ storageUnit, mounted, volume }: MountedTapeParts) {
    const { volumeId, generation, drive } = mounted
    this.#mounted = mounted
    this.#volume = volume
    const identity = { volume: volumeId, generation }
    this.#read = { storageUnit, identity, reader: new BlockReader(this.#readingDrive(drive)) }
  }

  async createFragment(fragment: NewFragment, options?: CallOptions): Promise<FragmentWriter> {
    this.#mustBeMounted()
    throwIfAborted(options)
    if (this.#volume === undefined)
      throw new TypeError(`volume ${this.#mounted.volumeId} is mounted to be read`)
    this.#writer = await beginTapeFragment(this.#mounted.drive, this.#volume, fragment)
    return this.#writer
  }

  async openFragment(input: WantedStream, options?: CallOptions): Promise<FragmentReader> {
    this.#mustBeMounted()
    throwIfAborted(options)
    return openTapeFragment(this.#read, input, options)
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
    this.#mustBeMounted()
    const { backupId, copy, number } = input
    const fragment = input.fragment ?? (await this.#find(backupId, copy, number, options))
    if (fragment === undefined) return undefined
    return describeTapeFragment(this.#read, { backupId, copy, fragment: { ...fragment, number } }, options)
  }

  contents(options?: CallOptions): AsyncIterable<MediumContent> {
    this.#mustBeMounted()
    return volumeContents(this.#readingDrive(this.#mounted.drive), this.#read, options)
  }

  unmount(): Promise<void> {
    this.#unmounting ??= this.#letGo()
    return this.#unmounting
  }

  async #letGo(): Promise<void> {
    try {
      await this.#writer?.discard()
      await this.#volume?.close()
    } finally {
      await this.#mounted.unmount()
    }
  }

  /** Of several with this number the last one on the volume counts: the others were never reported. */
  async #find(
    backupId: string,
    copy: number,
    number: number,
    options: CallOptions | undefined,
  ): Promise<FragmentRecord | undefined> {
    let found: FragmentRecord | undefined
    for await (const content of this.contents(options)) {
      if (content.kind !== 'fragment' || content.backupId !== backupId) continue
      if (content.copy === copy && content.fragment.number === number) found = content.fragment
    }
    return found
  }

  /** The drive for those who read: a motion between two blocks that are written would end the volume where it leads to. */
  #readingDrive(drive: TapeDrive): TapeDrive {
    const check = (): void => {
      this.#mustBeMounted()
      if (this.#volume?.isWriting !== true) return
      throw new NbError(
        'state-conflict',
        `Volume ${this.#mounted.volumeId} is being written in drive ${drive.name}; it can't be read meanwhile.`,
        { details: { volumeId: this.#mounted.volumeId, drive: drive.name } },
      )
    }
    return {
      name: drive.name,
      status: (options) => drive.status(options),
      position: (options) => drive.position(options),
      load: () => Promise.reject(new TypeError('a reader loads no volume')),
      unload: () => Promise.reject(new TypeError('a reader unloads no volume')),
      writeBlock: () => Promise.reject(new TypeError('a reader writes nothing')),
      writeFilemarks: () => Promise.reject(new TypeError('a reader writes nothing')),
      rewind: async (options) => (check(), drive.rewind(options)),
      locate: async (input, options) => (check(), drive.locate(input, options)),
      space: async (input, options) => (check(), drive.space(input, options)),
      readBlock: async (input, options) => (check(), drive.readBlock(input, options)),
    }
  }

  #mustBeMounted(): void {
    if (this.#unmounting !== undefined)
      throw new TypeError(`volume ${this.#mounted.volumeId} is not mounted any more`)
  }
}
