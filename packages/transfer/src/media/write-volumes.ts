import type { Allocation, CallOptions, MountedMedium, WriteEvent } from '@nb/contracts'
import type { SessionHost } from './session.ts'

/** What a copy is written by. */
interface WriteBy {
  readonly jobId: string
  readonly allocation: Allocation
}

type Asked = Extract<WriteEvent, { kind: 'next-volume' }>

/**
 * The volumes that a copy is written to, each in the drive that the one before has had. The writing asks for the next one from inside;
 * {@link during} tells that outside, and the writing goes on when it was given.
 */
export class WriteVolumes {
  readonly #host: SessionHost
  readonly #jobId: string
  readonly #options: CallOptions | undefined
  #allocation: Allocation
  #medium: MountedMedium | undefined
  /** What was asked for and not told yet. */
  #asked: Asked | undefined
  #tell: (() => void) | undefined
  #endWait = (): void => undefined

  constructor(host: SessionHost, { jobId, allocation }: WriteBy, options: CallOptions | undefined) {
    this.#host = host
    this.#jobId = jobId
    this.#allocation = allocation
    this.#options = options
  }

  /** Whether there can be another one. */
  get canGoOn(): boolean {
    return this.#allocation.medium.kind === 'tape'
  }

  /** Whether anything was mounted. */
  get isBegun(): boolean {
    return this.#medium !== undefined
  }

  /** Mounts what was allocated. */
  async mount(): Promise<MountedMedium> {
    const allocation = this.#allocation
    const store = this.#host.storeOf(allocation.storageUnit)
    return (this.#medium = await store.mount({ allocation, jobId: this.#jobId }, this.#options))
  }

  /** The next one, mounted; the full one is let go of once there is another to take its place. */
  async next(): Promise<MountedMedium> {
    const wait = this.#host.volumeWaits.begin(this.#options)
    this.#endWait = wait.end
    this.#asked = {
      kind: 'next-volume',
      requestId: wait.requestId,
      replaces: this.#allocation.allocationId,
    }
    this.#tell?.()
    this.#allocation = await wait.allocation
    await this.#medium?.unmount()
    return this.mount()
  }

  /** Does something of the writing, and tells meanwhile what it asks for. */
  async *during<Result>(work: Promise<Result>): AsyncGenerator<Asked, Result, undefined> {
    const over = work.then(done, done)
    for (;;) {
      const asks = new Promise<void>((resolve) => (this.#tell = resolve))
      if (this.#asked === undefined) await Promise.race([over, asks])
      const asked = this.#asked
      if (asked === undefined) return work
      this.#asked = undefined
      yield asked
    }
  }

  /** Lets go of what is mounted. Idempotent. */
  async unmount(): Promise<void> {
    this.#endWait()
    await this.#medium?.unmount()
  }
}

const done = (): void => undefined
