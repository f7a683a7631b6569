import type { Allocation, CallOptions, FragmentRecord, MountedMedium } from '@nb/contracts'
import type { SessionHost } from './session.ts'

/** What a call reads by. */
interface ReadBy {
  readonly jobId: string
  readonly allocation: Allocation
}

/** A volume that is to be given before the reading goes on. */
export interface WantedVolume {
  readonly requestId: string
  readonly volumeId: string
  /** Resolves when it is mounted. */
  mounted(): Promise<void>
}

/** The volumes that a call reads, one mounted at a time: one is let go of before the next is asked for. */
export class ReadVolumes {
  readonly #host: SessionHost
  readonly #jobId: string
  readonly #options: CallOptions | undefined
  #allocation: Allocation
  #medium: MountedMedium | undefined
  #endWait = (): void => undefined

  constructor(host: SessionHost, { jobId, allocation }: ReadBy, options: CallOptions | undefined) {
    this.#host = host
    this.#jobId = jobId
    this.#allocation = allocation
    this.#options = options
  }

  /** What is mounted. */
  get medium(): MountedMedium {
    if (this.#medium === undefined) throw new TypeError('no volume is mounted')
    return this.#medium
  }

  /** Mounts what was allocated. */
  async mount(): Promise<void> {
    const allocation = this.#allocation
    const store = this.#host.storeOf(allocation.storageUnit)
    this.#medium = await store.mount({ allocation, jobId: this.#jobId }, this.#options)
  }

  /** Lets go of the volume and waits for another one, where a fragment is on another. */
  async before({ volumeId }: FragmentRecord): Promise<WantedVolume | undefined> {
    const { medium } = this.#allocation
    if (volumeId === undefined || medium.kind === 'disk' || medium.volumeId === volumeId) return undefined
    await this.unmount()
    const wait = this.#host.volumeWaits.begin(this.#options)
    this.#endWait = wait.end
    return {
      requestId: wait.requestId,
      volumeId,
      mounted: async () => {
        this.#allocation = await wait.allocation
        await this.mount()
      },
    }
  }

  /** Lets go of what is mounted. Idempotent. */
  async unmount(): Promise<void> {
    this.#endWait()
    const medium = this.#medium
    this.#medium = undefined
    await medium?.unmount()
  }
}
