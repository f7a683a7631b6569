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
  /** The first change that came since the last call: nearly always the only one. */
  #first: ResourceChange | undefined
  /** With others, all together. */
  #all: { readonly units: Set<string>; readonly groups: Set<string> } | undefined
  readonly #leave: () => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.close()
  readonly #answer = (): IteratorResult<ResourceChange> => {
    this.#signal?.throwIfAborted()
    const first = this.#first
    const all = this.#all
    this.#first = undefined
    this.#all = undefined
    if (first === undefined) return { done: true, value: undefined }
    const value = all === undefined ? first : { storageUnits: [...all.units], groups: [...all.groups] }
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

  add(change: ResourceChange): void {
    if (this.#first === undefined) this.#first = change
    else {
      this.#all ??= { units: new Set(this.#first.storageUnits), groups: new Set(this.#first.groups) }
      for (const name of change.storageUnits) this.#all.units.add(name)
      if (change.groups !== undefined) for (const name of change.groups) this.#all.groups.add(name)
    }
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
    const hasToWait = !this.#closed && this.#first === undefined && this.#signal?.aborted !== true
    if (hasToWait) return this.#woken().then(this.#answer)
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
