import { Worker } from 'node:worker_threads'

const HEAD_WORDS = 4

/**
 * Ends the process when one input takes for ever, which the thread that is stuck can't do itself, and leaves the input in a
 * file.
 */
export class Watchdog {
  readonly #state: Int32Array
  readonly #bytes: Buffer
  readonly #worker: Worker

  /**
   * @param name - what is tested, for the message
   * @param maxBytes - longest input
   * @param limitMs - how long one input may take
   */
  constructor(name: string, maxBytes: number, limitMs: number) {
    const shared = new SharedArrayBuffer(HEAD_WORDS * 4 + maxBytes)
    this.#state = new Int32Array(shared, 0, HEAD_WORDS)
    this.#bytes = Buffer.from(shared, HEAD_WORDS * 4)
    this.#worker = new Worker(new URL('watchdog-thread.ts', import.meta.url), {
      workerData: { shared, name, limitMs },
    })
    this.#worker.unref()
  }

  /** An input begins. */
  enter(input: Buffer): void {
    input.copy(this.#bytes)
    Atomics.store(this.#state, 1, input.length)
    Atomics.add(this.#state, 0, 1)
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
