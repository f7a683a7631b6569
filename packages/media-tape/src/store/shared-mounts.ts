import { type CallOptions, type Logger, throwIfAborted } from '@nb/contracts'
import { unlessAborted } from '../unless-aborted.ts'

/** A volume that jobs share, while it is open. */
export interface SharedVolume {
  /** Ends what is done with it, and gives it back. */
  close(): Promise<void>
}

/** What a job has of it. */
export interface Share<Volume> {
  readonly volume: Volume
  /** Lets go of it; the last one's call ends when it was given back. Idempotent. */
  readonly leave: () => Promise<void>
}

interface Shared<Volume> {
  /** Jobs that have it or wait for it. */
  readonly jobs: string[]
  /** Nobody waits any more: the mount is given up. */
  readonly abandoned: AbortController
  readonly opened: Promise<Volume>
  /** Set when the last one lets go; resolves when the volume was given back. */
  closing?: Promise<void>
}

/**
 * Volumes that several jobs have at once, each under a key: opened for the first of them, closed when the last one has let go. Whoever comes while
 * it is closed waits, and has it opened anew. A mount that nobody waits for any more is given up.
 */
export class SharedMounts<Volume extends SharedVolume> {
  readonly #logger: Logger
  readonly #shared = new Map<string, Shared<Volume>>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * Has a share of the volume of a key.
   *
   * @param open - opens it, for the first; it's told the jobs that have it, as they are at any time. Its failure is that of all who wait
   */
  async join(
    { key, jobId }: { readonly key: string; readonly jobId: string },
    open: (jobs: () => readonly string[], options: CallOptions) => Promise<Volume>,
    options?: CallOptions,
  ): Promise<Share<Volume>> {
    throwIfAborted(options)
    let shared = this.#shared.get(key)
    while (shared?.closing !== undefined) {
      await shared.closing
      throwIfAborted(options)
      shared = this.#shared.get(key)
    }
    shared ??= this.#open(key, open)
    shared.jobs.push(jobId)
    const one = shared
    let left: Promise<void> | undefined
    const leave = (): Promise<void> => (left ??= this.#leave(key, one, jobId))
    try {
      return { volume: await unlessAborted(one.opened, options), leave }
    } catch (error) {
      // Of the volume that nobody wanted in the end whoever comes next hears, not who gave up.
      void leave().catch((failure: unknown) => this.#logger.error('%s: %o', key, failure))
      throw error
    }
  }

  #open(
    key: string,
    open: (jobs: () => readonly string[], options: CallOptions) => Promise<Volume>,
  ): Shared<Volume> {
    const jobs: string[] = []
    const abandoned = new AbortController()
    const opened = open(() => jobs, { signal: abandoned.signal })
    const shared = { jobs, abandoned, opened }
    this.#shared.set(key, shared)
    // Each who waits for it hears of it; who comes then tries anew.
    opened.catch(() => this.#forget(key, shared))
    return shared
  }

  async #leave(key: string, shared: Shared<Volume>, jobId: string): Promise<void> {
    shared.jobs.splice(shared.jobs.indexOf(jobId), 1)
    if (shared.jobs.length > 0) return
    shared.abandoned.abort()
    shared.closing = this.#close(shared).finally(() => this.#forget(key, shared))
    await shared.closing
  }

  async #close({ opened }: Shared<Volume>): Promise<void> {
    const volume = await opened.catch(() => undefined)
    await volume?.close()
  }

  #forget(key: string, shared: Shared<Volume>): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
  }
}
