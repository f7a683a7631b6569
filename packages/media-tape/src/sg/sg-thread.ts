import { Worker } from 'node:worker_threads'
import { NbError } from '@nb/contracts'

/** What a thread is asked: `ioctl(fd, request, address)`. It answers with the errno, 0 for none. */
export interface SgThreadCall {
  readonly fd: number
  readonly request: number
  readonly address: bigint
}

/** A thread for system calls that last as long as a tape moves. It keeps the process alive only while it is in one. */
export class SgThread {
  readonly #worker: Worker
  #failed: Error | undefined
  #ended: ((end: { readonly errno: number } | { readonly error: Error }) => void) | undefined

  constructor() {
    // From source the entry is ../sg-worker.ts, once built sg-worker.js beside the bundle.
    const isSource = import.meta.url.endsWith('.ts')
    const entry = new URL(isSource ? '../sg-worker.ts' : './sg-worker.js', import.meta.url)
    this.#worker = new Worker(entry, { name: 'nb-sg', execArgv: isSource ? ['--no-warnings'] : [] })
    this.#worker.unref()
    this.#worker.on('message', (errno: number) => this.#end({ errno }))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(undefined))
  }

  /** One at a time. */
  ioctl(fd: number, request: number, address: bigint): Promise<number> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed)
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#ended = (end) => {
        this.#ended = undefined
        this.#worker.unref()
        if ('errno' in end) resolve(end.errno)
        else reject(end.error)
      }
      this.#worker.postMessage({ fd, request, address } satisfies SgThreadCall)
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #end(end: { readonly errno: number } | { readonly error: Error }): void {
    this.#ended?.(end)
  }

  #fail(cause: unknown): void {
    this.#failed ??= new NbError('scsi-transport-lost', 'the thread of a SCSI device has ended', {
      details: { sent: true },
      ...(cause === undefined ? {} : { cause }),
    })
    this.#end({ error: this.#failed })
  }
}
