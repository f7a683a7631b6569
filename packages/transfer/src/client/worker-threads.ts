import { Worker } from 'node:worker_threads'
import { fromErrorRecord, NbError, type Clock, type ReaderCheckpoint } from '@nb/contracts'
import { MemoryPool } from '../memory-pool.ts'
import type { TransferWarning } from './warning.ts'
import type { WorkerMessage, WorkerProgress } from './worker-messages.ts'

/** The threads of this package, by what they do. */
export type ThreadName = 'reader' | 'extractor' | 'writer' | 'remover'

/** Their code. What reads can also extract, so that one thread that waits is ready for either. */
type EntryName = 'mover' | 'writer' | 'remover'

const entryOf: Readonly<Record<ThreadName, EntryName>> = {
  reader: 'mover',
  extractor: 'mover',
  writer: 'writer',
  remover: 'remover',
}

const threadNames = Object.keys(entryOf) as ThreadName[]

/** Listens to a thread while it works. */
export interface WorkerListener {
  onProgress(progress: WorkerProgress): void
  onWarnings(warnings: readonly TransferWarning[]): void
  /** A reader stands still until its gate is opened. */
  onCheckpoint?(checkpoint: ReaderCheckpoint): void
  /** An extractor has enough to do for a writer behind it. */
  onWriterWanted?(): void
}

/** How threads without work are kept. */
export interface WorkerThreadsOptions {
  /** Threads of each name that are kept for the next run, 0 or more; starting one takes a tenth of a second. @default 1 */
  readonly keepIdle?: number
  /** How long a thread without work is kept, milliseconds. @default 30000 */
  readonly keepIdleMs?: number
  /** A thread whose task took longer than this, milliseconds, is not kept: it has grown by tens of MiB. @default 1000 */
  readonly keepAfterMs?: number
  /**
   * Threads of each name at work beyond which a run waits for one to come free, 1 or more: each costs tens of MiB, and more than the
   * processor has cores for bring nothing. @default 4
   */
  readonly enough?: number
  /**
   * Where no thread comes free for so long, milliseconds, one of those runs gets one more thread all the same: those at work may be
   * waiting for something else. @default 15000
   */
  readonly patienceMs?: number
  /**
   * Names of which one thread without work is there from {@link WorkerThreads.start} on, however long nothing comes, and again once
   * all work has ended. @default none
   */
  readonly ready?: readonly ThreadName[]
}

/** A thread without work, and what ends its being watched. */
interface IdleThread {
  readonly worker: Worker
  readonly leave: () => void
}

/**
 * Runs tasks in threads. A thread that has done its task well and soon may be used again; others are ended. Idle
 * threads do not keep the process alive.
 */
export class WorkerThreads {
  /** Memory of the pipes to and from the threads. */
  readonly memory: MemoryPool = new MemoryPool()
  readonly #clock: Pick<Clock, 'now' | 'setTimer'>
  readonly #keepIdle: number
  readonly #keepIdleMs: number
  readonly #keepAfterMs: number
  readonly #enough: number
  readonly #patienceMs: number
  readonly #ready: ReadonlySet<EntryName>
  readonly #idle: Record<EntryName, IdleThread[]> = { mover: [], writer: [], remover: [] }
  readonly #atWork: Record<ThreadName, number> = { reader: 0, extractor: 0, writer: 0, remover: 0 }
  /** Runs that wait for a thread, the longest first; each is given one, or `undefined` to start its own. */
  readonly #waiting: Record<ThreadName, ((worker: Worker | undefined) => void)[]> = {
    reader: [],
    extractor: [],
    writer: [],
    remover: [],
  }
  /** Threads that were started to be ready and are not yet, with what tells that they are. */
  readonly #loading = new Map<Worker, Promise<void>>()
  readonly #endPatience: Record<ThreadName, () => void> = {
    reader: () => undefined,
    extractor: () => undefined,
    writer: () => undefined,
    remover: () => undefined,
  }
  #isStopped = false

  constructor(clock: Pick<Clock, 'now' | 'setTimer'>, options: WorkerThreadsOptions = {}) {
    this.#clock = clock
    this.#keepIdle = options.keepIdle ?? 1
    this.#keepIdleMs = options.keepIdleMs ?? 30_000
    this.#keepAfterMs = options.keepAfterMs ?? 1000
    this.#enough = options.enough ?? 4
    this.#patienceMs = options.patienceMs ?? 15_000
    this.#ready = new Set(options.ready?.map((name) => entryOf[name]))
  }

  /**
   * Runs one task.
   *
   * @param input - plain data and shared memory
   * @returns the task's result, once the thread does nothing for it any more
   * @throws NbError the task's error; `client-ended` when the thread ended without a result
   */
  async run<Result>(name: ThreadName, input: object, listener: WorkerListener): Promise<Result> {
    const worker = await this.#take(name)
    const begun = this.#clock.now()
    try {
      const result = await perform<Result>(worker, name, input, listener)
      if (this.#clock.now() - begun > this.#keepAfterMs) await this.#end(name, worker)
      else this.#putBack(name, worker)
      return result
    } catch (error) {
      await this.#end(name, worker)
      throw error
    }
  }

  /** Ends idle threads; those at work end with their task. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const idle = Object.values(this.#idle).flatMap((threads) => threads.splice(0))
    for (const { leave } of idle) leave()
    await Promise.all(
      idle.map(async ({ worker }) => {
        // A thread that is ended while it loads native code may take the process with it.
        await this.#loading.get(worker)
        await worker.terminate()
      }),
    )
  }

  /** Lets threads be kept, also again after a {@link stop}. Resolves when those that are to be ready are. */
  async start(): Promise<void> {
    this.#isStopped = false
    await Promise.all([...this.#ready].map((entry) => this.#getReady(entry)))
  }

  /** Starts a thread that waits for work, where one is to be ready and none is. One that can't be started is started when it is needed. */
  async #getReady(entry: EntryName): Promise<void> {
    if (this.#isStopped || this.#idle[entry].length > 0) return
    const worker = startThread(entry)
    // From here on it may be taken: its first task waits in its port until it can read it.
    this.#keep(entry, worker)
    worker.ref()
    const loaded = new Promise<void>((resolve) => {
      worker.once('message', resolve).once('exit', resolve).once('error', resolve)
    })
    this.#loading.set(worker, loaded)
    await loaded
    this.#loading.delete(worker)
    if (this.#idle[entry].some((thread) => thread.worker === worker)) worker.unref()
  }

  async #take(name: ThreadName): Promise<Worker> {
    const thread = this.#idle[entryOf[name]].pop()
    if (thread === undefined) {
      const given = this.#atWork[name] < this.#enough ? undefined : await this.#next(name)
      if (given !== undefined) return given
      this.#atWork[name] += 1
      return startThread(entryOf[name])
    }
    this.#atWork[name] += 1
    thread.leave()
    thread.worker.ref()
    return thread.worker
  }

  /** The next thread that comes free; `undefined` when one more may be started. */
  #next(name: ThreadName): Promise<Worker | undefined> {
    return new Promise((resolve) => {
      if (this.#waiting[name].push(resolve) === 1) this.#setPatience(name)
    })
  }

  /** Serves the run that waits longest; says whether there is one. */
  #serveNext(name: ThreadName, worker: Worker | undefined): boolean {
    const next = this.#waiting[name].shift()
    next?.(worker)
    this.#setPatience(name)
    return next !== undefined
  }

  /** Begins to be patient anew: something has come free, or the first run waits. */
  #setPatience(name: ThreadName): void {
    this.#endPatience[name]()
    this.#endPatience[name] =
      this.#waiting[name].length === 0
        ? () => undefined
        : this.#clock.setTimer(this.#patienceMs, () => this.#serveNext(name, undefined))
  }

  async #end(name: ThreadName, worker: Worker): Promise<void> {
    await worker.terminate()
    this.#atWork[name] -= 1
    if (this.#serveNext(name, undefined)) return
    const entry = entryOf[name]
    const isAtWork = threadNames.some((other) => entryOf[other] === entry && this.#atWork[other] > 0)
    if (this.#ready.has(entry) && !isAtWork) void this.#getReady(entry)
  }

  #putBack(name: ThreadName, worker: Worker): void {
    if (!this.#isStopped && this.#serveNext(name, worker)) return
    const threads = this.#idle[entryOf[name]]
    if (this.#isStopped || threads.length >= this.#keepIdle) {
      void this.#end(name, worker)
      return
    }
    this.#atWork[name] -= 1
    this.#keep(entryOf[name], worker)
  }

  /** Keeps a thread without work, for a while or, where one is to be ready, for good. */
  #keep(entry: EntryName, worker: Worker): void {
    const threads = this.#idle[entry]
    const leave = (): void => {
      cancelTimeout()
      worker.off('error', leave).off('exit', leave)
      const index = threads.findIndex((thread) => thread.worker === worker)
      if (index >= 0) threads.splice(index, 1)
    }
    const isForGood = this.#ready.has(entry) && threads.length === 0
    const cancelTimeout = isForGood
      ? () => undefined
      : this.#clock.setTimer(this.#keepIdleMs, () => {
          leave()
          void worker.terminate()
        })
    worker.unref()
    worker.on('error', leave).on('exit', leave)
    threads.push({ worker, leave })
  }
}

function perform<Result>(
  worker: Worker,
  name: ThreadName,
  input: object,
  listener: WorkerListener,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: WorkerMessage<Result>): void => {
      if (message.kind === 'progress') listener.onProgress(message.progress)
      else if (message.kind === 'warnings') listener.onWarnings(message.warnings)
      else if (message.kind === 'checkpoint') listener.onCheckpoint?.(message.checkpoint)
      else if (message.kind === 'writer-wanted') listener.onWriterWanted?.()
      else if (message.kind !== 'ready') {
        // Only these: removing all listeners of a Worker silences it for good.
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        if (message.kind === 'done') resolve(message.result)
        else reject(fromErrorRecord(message.error))
      }
    }
    const onError = (error: unknown): void =>
      reject(error instanceof Error ? error : new Error(String(error)))
    const onExit = (exitCode: number): void => {
      reject(
        new NbError(
          'client-ended',
          `The ${name} thread ended with exit code ${exitCode} before its work was done.`,
        ),
      )
    }
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
    worker.postMessage({ name, input })
  })
}

/** From source the entry is `../NAME-worker.ts`, once built `NAME-worker.js` beside the bundle. */
function startThread(name: EntryName): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = new URL(isSource ? `../${name}-worker.ts` : `./${name}-worker.js`, import.meta.url)
  return new Worker(entry, { name: `nb-${name}`, execArgv: threadArguments() })
}

const kept = /^(-C|--conditions|--experimental-strip-types|--no-warnings|--disable-warning)(=|$)/
const takesValue = /^(-C|--conditions|--disable-warning)$/

/**
 * Node's arguments for a thread: those that say how its code is found. What a program loads into its main thread is slow
 * and not wanted here, and a thread refuses those that are for the whole process, such as memory limits.
 */
function threadArguments(): string[] {
  const { execArgv } = process
  return execArgv.filter(
    (argument, i) => kept.test(argument) || (i > 0 && takesValue.test(execArgv[i - 1] ?? '')),
  )
}
