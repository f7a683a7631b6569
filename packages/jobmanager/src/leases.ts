import { type Clock, type Logger, type ResourceBroker, NbError, asNbError } from '@nb/contracts'
import { within } from './patience.ts'

/** Renews leases on the clock for as long as their jobs hold them. */
export interface LeaseKeeper {
  /**
   * Renews a lease at half of its time until it is let go. `lost` is called once when it can't be kept: the broker says
   * that it is gone, or did not answer until its end. Keeping a lease again replaces what was to happen on its loss.
   */
  keep(lease: { readonly leaseId: string; readonly expiresAt: number }, lost: (reason: NbError) => void): void
  /** Stops renewing. */
  letGo(leaseId: string): void
  /** Stops renewing all. */
  letAllGo(): void
}

/** The shortest time between two renewals of a lease, milliseconds. */
const shortestMs = 250

/** Makes the keeper of a broker's leases. */
export function createLeaseKeeper(broker: ResourceBroker, clock: Clock, log: Logger): LeaseKeeper {
  const kept = new Map<string, KeptLease>()
  const parts = { broker, clock, log, kept }
  const letGo = (leaseId: string): void => {
    kept.get(leaseId)?.letGo()
    kept.delete(leaseId)
  }
  return {
    keep: ({ leaseId, expiresAt }, lost) => {
      kept.get(leaseId)?.letGo()
      kept.set(leaseId, new KeptLease(parts, leaseId, expiresAt, lost))
    },
    letGo,
    letAllGo: () => {
      for (const leaseId of [...kept.keys()]) letGo(leaseId)
    },
  }
}

interface LeaseParts {
  readonly broker: ResourceBroker
  readonly clock: Clock
  readonly log: Logger
  readonly kept: Map<string, KeptLease>
}

/** A lease that is renewed until it is let go or lost. */
class KeptLease {
  readonly #parts: LeaseParts
  readonly #leaseId: string
  readonly #lost: (reason: NbError) => void
  readonly #renew = (): void => void this.#renewed()
  #endsAt: number
  #cancel: () => void
  #isKept = true

  constructor(parts: LeaseParts, leaseId: string, expiresAt: number, lost: (reason: NbError) => void) {
    this.#parts = parts
    this.#leaseId = leaseId
    this.#lost = lost
    this.#endsAt = expiresAt
    this.#cancel = this.#wait(untilNext(expiresAt - parts.clock.now()))
  }

  letGo(): void {
    this.#isKept = false
    this.#cancel()
  }

  #wait(delayMs: number): () => void {
    return this.#parts.clock.setTimer(delayMs, this.#renew)
  }

  async #renewed(): Promise<void> {
    const { broker, clock, log, kept } = this.#parts
    const leaseId = this.#leaseId
    try {
      const limitMs = Math.max(shortestMs, this.#endsAt - clock.now())
      const { expiresAt } = await within(clock, limitMs, 'server-unreachable', 'renewing a lease', (signal) =>
        broker.renew({ leaseId }, { signal }),
      )
      if (!this.#isKept) return
      this.#endsAt = expiresAt
      this.#cancel = this.#wait(untilNext(expiresAt - clock.now()))
    } catch (error) {
      if (!this.#isKept) return
      const { code } = asNbError(error)
      const leftMs = this.#endsAt - clock.now()
      log.error('lease %s was not renewed: %o', leaseId, error)
      if (code !== 'lease-expired' && leftMs > 0) {
        this.#cancel = this.#wait(Math.max(shortestMs, leftMs / 4))
        return
      }
      this.#isKept = false
      kept.delete(leaseId)
      this.#lost(leaseLost(leaseId, error))
    }
  }
}

/** When to renew a lease with this much time left: at half of it, at once when there is none. */
export function untilNext(leftMs: number): number {
  return leftMs <= 0 ? 0 : Math.max(shortestMs, leftMs / 2)
}

function leaseLost(leaseId: string, cause: unknown): NbError {
  return new NbError('lease-expired', `the lease ${leaseId} of the job's resources was lost`, {
    details: { leaseId },
    cause,
  })
}
