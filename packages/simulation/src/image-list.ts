import type { CallOptions, ImageFilter, ImageRecord, ImageState } from '@nb/contracts'

/** An image that may be listed, in the state it has when it is come to. */
export interface Listed {
  readonly image: ImageRecord
}

/**
 * The images that match a filter, newest first. Candidates come newest last. An iterator by hand, since
 * every job asks several times for one image.
 */
export class ImageList implements AsyncIterableIterator<ImageRecord> {
  readonly #find: () => readonly Listed[]
  readonly #states: readonly ImageState[]
  readonly #filter: ImageFilter
  readonly #options: CallOptions | undefined
  #candidates: readonly Listed[] | undefined
  /** How many candidates are left to look at, from the beginning. */
  #at = 0
  #left: number

  constructor(
    find: () => readonly Listed[],
    states: readonly ImageState[],
    filter: ImageFilter,
    options: CallOptions | undefined,
  ) {
    this.#find = find
    this.#states = states
    this.#filter = filter
    this.#options = options
    this.#left = filter.limit ?? Infinity
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<ImageRecord, undefined>> {
    if (this.#candidates === undefined) {
      const { signal } = this.#options ?? {}
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
      this.#candidates = this.#find()
      this.#at = this.#candidates.length
    }
    while (this.#left > 0 && this.#at > 0) {
      this.#at -= 1
      const image = this.#candidates[this.#at]?.image
      if (image === undefined || !this.#states.includes(image.state) || !matches(image, this.#filter))
        continue
      this.#left -= 1
      return Promise.resolve({ done: false, value: image })
    }
    return Promise.resolve({ done: true, value: undefined })
  }
}

function matches(image: ImageRecord, filter: ImageFilter): boolean {
  return (
    (filter.client === undefined || image.client === filter.client) &&
    (filter.policy === undefined || image.policy === filter.policy) &&
    (filter.schedule === undefined || image.schedule === filter.schedule) &&
    (filter.scheduleTypes === undefined || filter.scheduleTypes.includes(image.scheduleType)) &&
    (filter.stream === undefined || image.stream === filter.stream) &&
    (filter.from === undefined || image.backupTime >= filter.from) &&
    (filter.to === undefined || image.backupTime <= filter.to)
  )
}
