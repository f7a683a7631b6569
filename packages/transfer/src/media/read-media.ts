import {
  type Allocation,
  type MediaNeed,
  type MountedMedium,
  NbError,
  type SingleAllocation,
  isMissingVolume,
} from '@nb/contracts'
import type { Session } from './session.ts'
import { clockTime, mediumOf } from './wording.ts'

/**
 * The media that a restore reads, one after the other. A volume is let go of before the next one is asked for: whoever waits to read holds
 * nothing, so two restores can't wait for one another's volumes.
 */
export class ReadMedia {
  readonly #session: Session
  readonly #need: Extract<MediaNeed, { kind: 'read' }>
  #allocation: SingleAllocation | undefined
  #medium: MountedMedium | undefined

  constructor(session: Session, need: MediaNeed) {
    if (need.kind !== 'read') throw new TypeError('a restore reads')
    this.#session = session
    this.#need = need
  }

  /** What is mounted, for a person. */
  get place(): string {
    return this.#allocation === undefined ? 'nothing' : mediumOf(this.#allocation)
  }

  /** Asks for the first medium: the volume, or what the need says. */
  async request(volumeId: string | undefined): Promise<Allocation> {
    const allocation = await this.#session.requestMedia(this.#needOf(volumeId))
    this.#allocation = allocation
    return allocation
  }

  /** Mounts what was granted. */
  async mount(step?: number): Promise<void> {
    const { host, signal, info } = this.#session
    const allocation = this.#allocation
    if (allocation === undefined) throw new TypeError('nothing was granted')
    const store = host.storeOf(allocation.storageUnit)
    const mountedAt = host.clock.now()
    await this.#note(`mounting ${this.place}`)
    // The step is told once.
    const flow = step === undefined ? {} : ({ flow: 'restore' } as const)
    try {
      this.#medium = await store.mount({ allocation, jobId: info.jobId, ...flow }, { signal })
    } catch (error) {
      if (!isMissingVolume(error)) throw error
      await this.#awaitBrought(allocation, error)
      return this.mount(step)
    }
    await this.#session.note({
      ...(step === undefined ? {} : { step }),
      component: 'media-reader',
      text: `mounted ${this.place}; mount time: ${clockTime(host.clock.now() - mountedAt)}`,
      data: { allocationId: allocation.allocationId },
    })
  }

  /** The medium with a volume: the one that is mounted, or that volume in its place. Nothing may be open on the one before. */
  async with(volumeId: string | undefined): Promise<MountedMedium> {
    const medium = this.#medium
    const allocation = this.#allocation
    if (medium === undefined || allocation === undefined) throw new TypeError('nothing is mounted')
    if (
      volumeId === undefined ||
      allocation.medium.kind === 'disk' ||
      allocation.medium.volumeId === volumeId
    )
      return medium
    await this.#note(`${this.place} is read; requesting volume ${volumeId}`)
    await this.unmount()
    this.#allocation = await this.#session.requestMedia({
      ...this.#needOf(volumeId),
      replaces: allocation.allocationId,
    })
    await this.mount()
    return this.#mounted(volumeId)
  }

  /** Lets go of what is mounted. Idempotent. */
  async unmount(): Promise<void> {
    const medium = this.#medium
    this.#medium = undefined
    await medium?.unmount()
  }

  /** Asks again for a volume that is not where it should be. The media manager knows that by now: a person is asked for it, and it is waited for. */
  async #awaitBrought(
    { allocationId, medium }: SingleAllocation,
    { message, status }: NbError,
  ): Promise<void> {
    await this.#session.note({
      component: 'media-reader',
      severity: 'warning',
      text: `${this.place} can't be mounted: ${message} Requesting it again`,
      data: { status },
    })
    const need = this.#needOf(medium.kind === 'tape' ? medium.volumeId : undefined)
    this.#allocation = await this.#session.requestMedia({ ...need, replaces: allocationId })
  }

  #mounted(volumeId: string): MountedMedium {
    if (this.#medium !== undefined) return this.#medium
    throw new NbError('media-open-failed', `volume ${volumeId} was let go of meanwhile`)
  }

  #needOf(volumeId: string | undefined): Extract<MediaNeed, { kind: 'read' }> {
    return volumeId === undefined ? this.#need : { ...this.#need, volumeId }
  }

  #note(text: string): Promise<void> {
    return this.#session.note({ component: 'media-reader', text })
  }
}
