import { type CallOptions, type NewFragment, throwIfAborted } from '@nb/contracts'
import { checkMultiplexedFileOptions, createMultiplexedFile } from './create-multiplexed-file.ts'
import type { TapeFileStart } from './file-blocks.ts'
import type {
  EndedFile,
  MultiplexedFile,
  MultiplexedFileComponents,
  MultiplexedFileOptions,
} from './multiplexed-file.ts'
import type { StreamWriter } from './stream-writer.ts'
import { unlessAborted } from '../unless-aborted.ts'

/** The end of the volume to which a group appends. */
export interface AppendedVolume {
  /** Brings the drive to where the next file begins. Rejects with `media-end` where the volume is full. */
  begin(options?: CallOptions): Promise<TapeFileStart>
  /** A file that began there is whole, durably. */
  ended(file: {
    readonly object: number
    readonly lastBlock: string
    readonly fragments: number
    readonly earlyWarning: boolean
  }): Promise<void>
  /** The medium took no more where there was no warning: nothing is appended any more. */
  filled(): void
  /** Something failed: where the volume ends has to be found out anew. */
  lost(): void
}

/** What a group works with. */
export interface MultiplexGroupComponents extends MultiplexedFileComponents {
  readonly volume: AppendedVolume
}

/**
 * The jobs that share a volume in a drive. Their fragments go to one multiplexed file, and to the next one when that has ended: because no
 * stream was left in it for a moment, or because it takes no more. A fragment that comes when the file takes no more waits until those in
 * it have ended. Once the volume is full no fragment joins any more; after a failure of the medium the next one begins where the volume then ends.
 */
export class MultiplexGroup {
  readonly #components: MultiplexGroupComponents
  readonly #options: Required<MultiplexedFileOptions>
  #file: MultiplexedFile | undefined
  #beginning: Promise<void> | undefined
  #settled: Promise<void> = Promise.resolve()

  constructor(components: MultiplexGroupComponents, options: MultiplexedFileOptions = {}) {
    this.#components = components
    this.#options = checkMultiplexedFileOptions(options)
  }

  /**
   * Begins a fragment. Rejects with `media-end` where the volume has no room for another one, and as writing does. Aborted, it waits no more, and what has joined is discarded.
   */
  async join(fragment: NewFragment, options?: CallOptions): Promise<StreamWriter> {
    for (;;) {
      throwIfAborted(options)
      if (this.#file?.nearsEnd === true || this.#file?.accepts(fragment) === true) break
      if (this.#file === undefined) this.#beginning ??= this.#begin()
      await unlessAborted(this.#beginning ?? this.#settled, options)
    }
    const writer = await this.#file.join(fragment)
    if (options?.signal?.aborted === true) await writer.discard()
    throwIfAborted(options)
    return writer
  }

  /** Resolves when no file is open: its streams have left or been discarded, and the volume knows of it. */
  async settled(): Promise<void> {
    await this.#beginning?.catch(() => undefined)
    if (this.#file?.isUnused === false) await this.#settled
  }

  async #begin(): Promise<void> {
    try {
      const start = await this.#components.volume.begin()
      const file = createMultiplexedFile(this.#components, start, this.#options)
      this.#file = file
      this.#settled = file.ended.then((ended) => this.#ended(ended))
      // Whoever waits for it learns of it.
      this.#settled.catch(() => undefined)
    } finally {
      this.#beginning = undefined
    }
  }

  async #ended({ end, object, streams, lastBlock, earlyWarning, failure }: EndedFile): Promise<void> {
    const { volume } = this.#components
    try {
      if (end === 'whole' && lastBlock !== undefined)
        await volume.ended({ object, lastBlock, fragments: streams.length, earlyWarning })
      if (end === 'cut') volume.lost()
      if (failure?.code === 'media-end' || earlyWarning) volume.filled()
    } finally {
      this.#file = undefined
    }
  }
}
