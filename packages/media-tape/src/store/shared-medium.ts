import {
  type CallOptions,
  type FragmentWriter,
  type MountedMedium,
  NbError,
  type NewFragment,
  throwIfAborted,
} from '@nb/contracts'
import type { MultiplexGroup } from '../multiplex/multiplex-group.ts'
import type { StreamWriter } from '../multiplex/stream-writer.ts'

/** What one job has of a volume that it shares. */
export interface SharedMediumParts {
  readonly volumeId: string
  readonly group: MultiplexGroup
  /** Lets go of the volume; the last one's call ends when it was given back. */
  readonly leave: () => Promise<void>
}

/** A volume that several jobs write to, as one of them has it. It is not read meanwhile: that would move the tape under the others. */
export class SharedMedium implements MountedMedium {
  readonly #parts: SharedMediumParts
  #writer: StreamWriter | undefined
  #isBeginning = false
  readonly #unmounted = new AbortController()
  #unmounting: Promise<void> | undefined

  constructor(parts: SharedMediumParts) {
    this.#parts = parts
  }

  async createFragment(fragment: NewFragment, options?: CallOptions): Promise<FragmentWriter> {
    const { volumeId, group } = this.#parts
    this.#mustBeMounted()
    throwIfAborted(options)
    if (this.#isBeginning || this.#writer?.isOpen === true)
      throw new NbError(
        'state-conflict',
        `The fragment before is still being written to volume ${volumeId}.`,
        {
          details: { volumeId },
        },
      )
    this.#isBeginning = true
    try {
      const signals = [this.#unmounted.signal, ...(options?.signal === undefined ? [] : [options.signal])]
      this.#writer = await group.join(fragment, { signal: AbortSignal.any(signals) })
      return this.#writer
    } finally {
      this.#isBeginning = false
    }
  }

  openFragment(): Promise<never> {
    return this.#isShared()
  }

  describeFragment(): Promise<never> {
    return this.#isShared()
  }

  unmount(): Promise<void> {
    this.#unmounting ??= this.#unmount()
    return this.#unmounting
  }

  async #unmount(): Promise<void> {
    this.#unmounted.abort()
    await this.#writer?.discard()
    await this.#parts.leave()
  }

  async #isShared(): Promise<never> {
    this.#mustBeMounted()
    const { volumeId } = this.#parts
    throw new NbError(
      'not-supported',
      `Volume ${volumeId} is shared to be written, and is not read meanwhile.`,
      {
        details: { volumeId },
      },
    )
  }

  #mustBeMounted(): void {
    if (this.#unmounting === undefined) return
    throw new TypeError(`volume ${this.#parts.volumeId} is not mounted any more`)
  }
}
