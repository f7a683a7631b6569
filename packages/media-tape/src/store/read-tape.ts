import {
  type CallOptions,
  type DescribedFragment,
  type FragmentReader,
  type MediumContent,
  type MountedMedium,
  throwIfAborted,
} from '@nb/contracts'
import type { WantedFragment } from '../fragment/find-fragment.ts'
import type { TapeReading } from './tape-reading.ts'

/** What one job has of a volume that is mounted to be read, by it and by others who want the same one. */
export interface ReadTapeParts {
  readonly volumeId: string
  readonly reading: TapeReading
  /** Lets go of the volume; the last one's call ends when it was given back. */
  readonly leave: () => Promise<void>
}

/** A volume that is read while one session uses it. */
export class ReadTape implements MountedMedium {
  readonly #parts: ReadTapeParts
  #unmounting: Promise<void> | undefined

  constructor(parts: ReadTapeParts) {
    this.#parts = parts
  }

  createFragment(): Promise<never> {
    return Promise.reject(new TypeError('the volume is mounted to be read'))
  }

  async openFragment(wanted: WantedFragment, options?: CallOptions): Promise<FragmentReader> {
    this.#mustBeMounted(options)
    return this.#parts.reading.open(wanted, options)
  }

  async describeFragment(
    input: Parameters<MountedMedium['describeFragment']>[0],
    options?: CallOptions,
  ): Promise<DescribedFragment | undefined> {
    this.#mustBeMounted(options)
    return this.#parts.reading.describe(input, options)
  }

  async *contents(options?: CallOptions): AsyncGenerator<MediumContent, void, undefined> {
    this.#mustBeMounted(options)
    yield* this.#parts.reading.contents(options)
  }

  unmount(): Promise<void> {
    this.#unmounting ??= this.#parts.leave()
    return this.#unmounting
  }

  #mustBeMounted(options?: CallOptions): void {
    if (this.#unmounting !== undefined)
      throw new TypeError(`volume ${this.#parts.volumeId} is not mounted any more`)
    throwIfAborted(options)
  }
}
