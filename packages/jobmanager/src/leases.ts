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
  const kept = new Map<string, { cancel: () => void }>()

  const keep: LeaseKeeper['keep'] = ({ leaseId, expiresAt }, lost) => {
    letGo(leaseId)
    const state = { cancel: (): void => undefined }
    kept.set(leaseId, state)
    const wait = (delayMs: number, endsAt: number): void => {
      state.cancel = clock.setTimer(delayMs, () => void renew(endsAt))
    }
    const renew = async (endsAt: number): Promise<void> => {
      try {
        const limitMs = Math.max(shortestMs, endsAt - clock.now())
        const renewed = await within(clock, limitMs, 'server-unreachable', 'renewing a lease', (signal) =>
          broker.renew({ leaseId }, { signal }),
        )
        if (kept.get(leaseId) === state) wait(untilNext(renewed.expiresAt - clock.now()), renewed.expiresAt)
      } catch (error) {
        if (kept.get(leaseId) !== state) return
        const { code } = asNbError(error)
        log.error('lease %s was not renewed: %o', leaseId, error)
        if (code !== 'lease-expired' && clock.now() < endsAt) {
          wait(Math.max(shortestMs, (endsAt - clock.now()) / 4), endsAt)
          return
        }
        kept.delete(leaseId)
        lost(leaseLost(leaseId, error))
      }
    }
    wait(untilNext(expiresAt - clock.now()), expiresAt)
  }
  const letGo = (leaseId: string): void => {
    kept.get(leaseId)?.cancel()
    kept.delete(leaseId)
  }
  return {
    keep,
    letGo,
    letAllGo: () => {
      for (const leaseId of [...kept.keys()]) letGo(leaseId)
    },
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
