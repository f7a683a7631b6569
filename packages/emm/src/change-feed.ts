import type { CallOptions, ResourceChange } from '@nb/contracts'

/** Tells watchers what changed. A slow watcher gets several changes as one; none is lost. */
export class ChangeFeed {
  readonly #watchers: Set<Watcher> = new Set()
  #closed = false

  /** Watches from now on, until the signal aborts (`AbortError`) or the feed is closed (end). */
  watch(options: CallOptions | undefined): AsyncIterable<ResourceChange> {
    const watcher = new Watcher(() => this.#watchers.delete(watcher), options?.signal)
    if (this.#closed) watcher.close()
    else this.#watchers.add(watcher)
    return watcher
  }

  /** Tells all watchers. */
  tell(change: ResourceChange | undefined): void {
    if (change !== undefined) for (const watcher of this.#watchers) watcher.add(change)
  }

  /** Ends all watchers. */
  close(): void {
    this.#closed = true
    for (const watcher of [...this.#watchers]) watcher.close()
  }
}

class Watcher implements AsyncIterableIterator<ResourceChange> {
  readonly #units: Set<string> = new Set()
  readonly #groups: Set<string> = new Set()
  readonly #leave: () => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.close()
  /** All that came since the last call. */
  readonly #answer = (): IteratorResult<ResourceChange> => {
    this.#signal?.throwIfAborted()
    if (this.#units.size + this.#groups.size === 0) return { done: true, value: undefined }
    const value = { storageUnits: [...this.#units], groups: [...this.#groups] }
    this.#units.clear()
    if (this.#groups.size > 0) this.#groups.clear()
    return { done: false, value }
  }
  #closed = false
  #wake: (() => void) | undefined

  constructor(leave: () => void, signal: AbortSignal | undefined) {
    this.#leave = leave
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  add({ storageUnits, groups = [] }: ResourceChange): void {
    for (const name of storageUnits) this.#units.add(name)
    for (const name of groups) this.#groups.add(name)
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#leave()
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#wake?.()
  }

  /** One call at a time. */
  next(): Promise<IteratorResult<ResourceChange>> {
    const hasToWait = !this.#closed && this.#units.size + this.#groups.size === 0
    if (hasToWait && this.#signal?.aborted !== true) return this.#woken().then(this.#answer)
    try {
      return Promise.resolve(this.#answer())
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async return(): Promise<IteratorResult<ResourceChange>> {
    this.close()
    return { done: true, value: undefined }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }
}
