import {
  NbError,
  pathFromBytes,
  toErrorRecord,
  type CallOptions,
  type ReaderCheckpoint,
  type RunProgress,
  type RunResult,
} from '@nb/contracts'
import { createDeferred } from './deferred.ts'
import type { ThreadSession } from './thread-session.ts'
import type { WorkerProgress } from './worker-messages.ts'

/** A run that lives, or has ended and is remembered for a while. */
export class ClientRun {
  readonly id: string
  /** The one result; never rejects. */
  readonly result: Promise<RunResult>
  #progress: RunProgress = { files: 0, bytes: 0 }
  #version = 0
  #isOver = false
  #changed = createDeferred<void>()
  #session: ThreadSession<unknown> | undefined
  #failure: NbError | undefined
  #standing: { readonly checkpoint: ReaderCheckpoint; readonly goOn: () => void } | undefined
  /** Entries at the last checkpoint that was passed. */
  #passedEntries = -1

  /** @param work - does it all; a rejection becomes the result's error */
  constructor(id: string, work: (run: ClientRun) => Promise<Omit<RunResult, 'runId'>>) {
    this.id = id
    this.result = work(this)
      .catch((error: unknown) => failed(this.#failure ?? error))
      .then((result) => {
        this.#isOver = true
        // The run is remembered for its result; what it moved data with is not.
        this.#session = undefined
        this.#wake()
        return { ...result, runId: id }
      })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Takes the thread that does the work, so that it can be ended; one that comes too late is ended at once. */
  hold<T>(session: ThreadSession<T>): ThreadSession<T> {
    this.#session = session
    if (this.#failure !== undefined) session.abort(this.#failure)
    return session
  }

  /** Throws what the run was ended with. */
  throwIfEnded(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  noteProgress({ files, bytes, currentPath }: WorkerProgress): void {
    this.#progress = { files, bytes, currentPath: pathFromBytes(currentPath) }
    this.#wake()
  }

  /** A script of the client runs, for so long by now. */
  noteScript(scriptMs: number): void {
    this.#progress = { ...this.#progress, scriptMs }
    this.#wake()
  }

  /** The reader stands still until it is told to go on. */
  noteCheckpoint(checkpoint: ReaderCheckpoint, goOn: () => void): void {
    this.#standing = { checkpoint, goOn }
    this.#wake()
  }

  /** Lets the reader go on from the checkpoint with so many entries, once. */
  goOn(entries: number): void {
    if (entries <= this.#passedEntries || this.#isOver) return
    const standing = this.#standing
    if (standing?.checkpoint.fileList.entries !== entries)
      throw new NbError(
        'state-conflict',
        `Run ${this.id} does not stand at a checkpoint of ${entries} entries.`,
      )
    this.#standing = undefined
    this.#passedEntries = entries
    standing.goOn()
  }

  abort(reason: string): void {
    if (this.#isOver || this.#failure !== undefined) return
    this.#failure = new NbError('session-killed', `The run was ended early: ${reason}`)
    this.#session?.abort(this.#failure)
  }

  /** Each state that differs from the one before, without those that a slow reader has missed. */
  progress(options?: CallOptions): AsyncGenerator<RunProgress, void, undefined> {
    return this.#states(() => this.#progress, options)
  }

  /** The checkpoints, as they are reached; the one at which the reader stands comes first. */
  async *checkpoints(options?: CallOptions): AsyncGenerator<ReaderCheckpoint, void, undefined> {
    let last: ReaderCheckpoint | undefined
    for await (const checkpoint of this.#states(() => this.#standing?.checkpoint, options)) {
      if (checkpoint === undefined || checkpoint === last) continue
      last = checkpoint
      yield checkpoint
    }
  }

  async *#states<State>(look: () => State, options?: CallOptions): AsyncGenerator<State, void, undefined> {
    const aborted = abortedPromise(options?.signal)
    let seen = -1
    try {
      for (;;) {
        options?.signal?.throwIfAborted()
        if (seen !== this.#version) {
          seen = this.#version
          yield look()
        } else if (this.#isOver) return
        else await Promise.race([this.#changed.promise, aborted.promise])
      }
    } finally {
      aborted.release()
    }
  }

  #wake(): void {
    this.#version++
    const { resolve } = this.#changed
    this.#changed = createDeferred<void>()
    resolve()
  }
}

/** Waits for a promise no longer than until the signal aborts. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = abortedPromise(signal)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    aborted.release()
  }
}

function abortedPromise(signal: AbortSignal | undefined): {
  readonly promise: Promise<never>
  release(): void
} {
  const { promise, reject } = createDeferred<never>()
  promise.catch(() => undefined)
  const onAbort = (): void => reject(signal?.reason as Error)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return { promise, release: () => signal?.removeEventListener('abort', onAbort) }
}

function failed(error: unknown): Omit<RunResult, 'runId'> {
  const record = toErrorRecord(error)
  return { status: record.status, error: record, warnings: 0 }
}
