import {
  type Allocation,
  type AllocationRequest,
  asNbError,
  type Blocker,
  type Clock,
  type Emitter,
  type MediaManager,
  type ResourceBrokerEvents,
} from '@nb/contracts'
import { nothingToReplace, partOf, replacedBy, withNext } from './exchange.ts'
import type { JobLines } from './job-lines.ts'
import type { Lease, LeaseBook } from './lease-book.ts'
import type { LeaseStore } from './lease-store.ts'
import { impossible } from './refusals.ts'
import { allocationIdOf } from './request.ts'
import type { Waiter } from './waiter.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** What the exchanges of an engine work with. */
export interface ExchangeParts {
  readonly media: MediaManager
  readonly leases: LeaseStore
  readonly clock: Clock
  readonly lines: JobLines
  readonly events: Emitter<ResourceBrokerEvents>
  readonly room: WaitingRoom
  readonly book: LeaseBook
  /** The question for the media manager; nobody else is asked for until it has answered. */
  readonly beginAsking: (waiter: Waiter) => AllocationRequest
  readonly goOnWaiting: (waiter: Waiter, blockers: readonly Blocker[]) => void
}

/**
 * Gives images their next volume, one at a time. The media manager puts the new allocation in the place of the old one (in one durable
 * write), then the lease is written with it, then the caller is told. A crash between leaves an allocation that says what it took the place
 * of: the next start enters it in the lease, and the same request is answered with it. Nobody is passed by: the job has the drive already.
 */
export class ExchangeDesk {
  readonly #parts: ExchangeParts

  constructor(parts: ExchangeParts) {
    this.#parts = parts
  }

  async serve(waiter: Waiter, replaces: string): Promise<void> {
    const { media, room, book, beginAsking, goOnWaiting } = this.#parts
    const { request } = waiter
    const allocationId = allocationIdOf(request.requestId)
    const lease = book.holding(request.jobId, replaces)
    if (lease === undefined) {
      room.fail(waiter, nothingToReplace(request, replaces))
      return
    }
    try {
      await this.save(lease)
      const answer = await media.allocate(beginAsking(waiter)).catch((error: unknown) => {
        // It is given back with the lease, or known again when the same request comes.
        lease.maybe = (lease.maybe ?? new Set()).add(allocationId)
        throw error
      })
      if (answer.granted) {
        await this.takePlace(lease, answer.allocation)
        const { leaseId, expiresAt, allocation } = lease
        room.grant(waiter, { leaseId, expiresAt, allocation: partOf(allocation, allocationId) ?? allocation })
      } else if (answer.possible) goOnWaiting(waiter, answer.blockers)
      else room.fail(waiter, impossible(request, answer.blockers))
    } catch (error) {
      room.fail(waiter, asNbError(error))
    }
  }

  /** An allocation has taken the place of another in a lease. True in memory at once: the media manager knows no other. */
  async takePlace(lease: Lease, next: Allocation): Promise<void> {
    const { clock, lines, events, room } = this.#parts
    const ended = partOf(lease.allocation, next.replaces ?? '')
    lease.allocation = withNext(lease.allocation, next)
    lease.isUnsaved = true
    lease.maybe?.delete(next.allocationId)
    if (ended !== undefined) room.index.wakeReleased(ended)
    const { leaseId, request, grantedAt } = lease
    lines.granted({ leaseId, request, grantedAt, allocation: next }, clock.now())
    events.emit('allocation:granted', { leaseId, jobId: request.jobId, allocation: next })
    await this.save(lease)
  }

  /** Makes durable what a lease holds now, where the store does not know it yet. Rejects with `store-failed`. */
  async save(lease: Lease): Promise<void> {
    if (!lease.isUnsaved) return
    const { leaseId, request, allocation, grantedAt } = lease
    await this.#parts.leases.put({ leaseId, request, allocation, grantedAt })
    // It may have gone on again meanwhile.
    if (lease.allocation === allocation) lease.isUnsaved = false
  }

  /** The lease is over: nobody waits any more for what was to take the place of something in it. */
  leaseOver({ request: { jobId }, allocation }: Lease): void {
    const { room } = this.#parts
    for (const waiter of room.ofJob(jobId)) {
      const replaces = replacedBy(waiter.request)
      if (replaces !== undefined && partOf(allocation, replaces) !== undefined)
        room.fail(waiter, nothingToReplace(waiter.request, replaces))
    }
  }
}
