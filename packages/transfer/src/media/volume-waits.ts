import { randomUUID } from 'node:crypto'
import { type Allocation, type CallOptions, NbError } from '@nb/contracts'
import { orAborted } from './or-aborted.ts'

/** A wait for the medium that a call goes on with. */
export interface VolumeWait {
  readonly requestId: string
  /** What was given. Rejects with the reason of the signal. */
  readonly allocation: Promise<Allocation>
  /** Nobody waits any more. Idempotent. */
  readonly end: () => void
}

/** The calls of a media server that wait for the volume which they go on with, by the names of their requests. */
export class VolumeWaits {
  readonly #waiting = new Map<string, (allocation: Allocation) => void>()

  /** Begins to wait: who calls tells the name to whoever is to give the medium. */
  begin(options?: CallOptions): VolumeWait {
    const requestId = randomUUID()
    const end = (): void => void this.#waiting.delete(requestId)
    const given = new Promise<Allocation>((resolve) => this.#waiting.set(requestId, resolve))
    const allocation = orAborted(given, options?.signal).finally(end)
    allocation.catch(() => undefined)
    return { requestId, allocation, end }
  }

  /** Rejects with `not-found` where nothing waits by that name. */
  async give(requestId: string, allocation: Allocation): Promise<void> {
    const waiting = this.#waiting.get(requestId)
    if (waiting === undefined)
      throw new NbError('not-found', `Nothing waits for a medium by request ${requestId} any more.`, {
        details: { requestId },
      })
    this.#waiting.delete(requestId)
    waiting(allocation)
  }
}
