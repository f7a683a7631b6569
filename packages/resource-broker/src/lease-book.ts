import type { Allocation, Clock, Grant } from '@nb/contracts'
import { partOf } from './exchange.ts'
import { type Expiring, ExpiryList } from './expiry-list.ts'
import type { LeaseRecord } from './lease-store.ts'
import type { Holder, Limit } from './limits.ts'
import { Usage } from './usage.ts'

/** A lease in force. */
export interface Lease extends LeaseRecord, Expiring<Lease> {
  readonly holder: Holder
  /** Another after an image has gone on at the end of a volume. */
  allocation: Allocation
  /** Whether the store does not know yet what it holds now. */
  isUnsaved: boolean
  /** Allocations that may have taken the place of one of its own: the media manager did not answer. */
  maybe: Set<string> | undefined
  /** What it counts under. */
  readonly counted: readonly Pick<Limit, 'kind' | 'name'>[]
  /** Taken back then unless renewed, milliseconds since the epoch. */
  expiresAt: number
  /** Set while it is being given back. */
  ending: Promise<void> | undefined
}

/** The leases in force, in memory: by id and request, what they count under, and who expires next. */
export class LeaseBook {
  readonly usage: Usage = new Usage()
  readonly #leases: Map<string, Lease> = new Map()
  readonly #byRequest: Map<string, Lease> = new Map()
  readonly #expiries: ExpiryList<Lease> = new ExpiryList()
  readonly #clock: Clock
  readonly #leaseMs: number
  readonly #expire: (lease: Lease) => void
  #cancelTimer: (() => void) | undefined
  #timerAt = Infinity

  /** `expire` is called for each lease whose end has come; it stays in the book until deleted. */
  constructor(clock: Clock, leaseMs: number, expire: (lease: Lease) => void) {
    this.#clock = clock
    this.#leaseMs = leaseMs
    this.#expire = expire
  }

  /** Enters a lease for a full term from now. */
  add(record: LeaseRecord, counted: Lease['counted']): Lease {
    const { leaseId, request, allocation, grantedAt } = record
    const { requestId, jobId } = request
    const lease: Lease = {
      leaseId,
      request,
      allocation,
      grantedAt,
      holder: { jobId, since: grantedAt },
      counted,
      expiresAt: this.#clock.now() + this.#leaseMs,
      isUnsaved: false,
      maybe: undefined,
      ending: undefined,
      sooner: undefined,
      later: undefined,
    }
    this.#leases.set(leaseId, lease)
    this.#byRequest.set(requestId, lease)
    this.usage.add(lease.holder, counted)
    this.#expiries.add(lease)
    this.#arm()
    return lease
  }

  /** Strikes a lease out. */
  delete(lease: Lease): void {
    const { leaseId, request, holder, counted } = lease
    const { requestId } = request
    if (!this.#leases.delete(leaseId)) return
    if (this.#byRequest.get(requestId) === lease) this.#byRequest.delete(requestId)
    this.usage.delete(holder, counted)
    this.#expiries.remove(lease)
  }

  get(leaseId: string): Lease | undefined {
    return this.#leases.get(leaseId)
  }

  ofRequest(requestId: string): Lease | undefined {
    return this.#byRequest.get(requestId)
  }

  /** Those of a job, oldest first. Looks at all: it is asked for by people, and after crashes. */
  ofJob(jobId: string): readonly Lease[] {
    const found: Lease[] = []
    for (const lease of this.#leases.values()) if (lease.request.jobId === jobId) found.push(lease)
    return found
  }

  /** The lease of a job that holds an allocation. Looks at all: it is asked for at the end of a volume. */
  holding(jobId: string, allocationId: string): Lease | undefined {
    return this.ofJob(jobId).find(({ allocation }) => partOf(allocation, allocationId) !== undefined)
  }

  /** All, oldest first. */
  values(): readonly Lease[] {
    return [...this.#leases.values()]
  }

  /** Gives a lease a full term from now. */
  renew(lease: Lease): void {
    this.#expiries.remove(lease)
    lease.expiresAt = this.#clock.now() + this.#leaseMs
    this.#expiries.add(lease)
  }

  /** Tells of no more expiries. */
  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerAt = Infinity
  }

  /** One timer for the earliest end. Renewals only move ends back, so a timer that is early finds out and arms anew. */
  #arm(): void {
    const { first } = this.#expiries
    if (first === undefined || first.expiresAt >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = first.expiresAt
    this.#cancelTimer = this.#clock.setTimer(first.expiresAt - this.#clock.now(), () => this.#timeIsUp())
  }

  #timeIsUp(): void {
    this.stop()
    const now = this.#clock.now()
    for (let { first } = this.#expiries; first !== undefined; { first } = this.#expiries) {
      if (first.expiresAt > now) break
      // If taking it back fails, it is tried again after another term.
      this.renew(first)
      this.#expire(first)
    }
    this.#arm()
  }
}

/** What the holder of a lease is told. */
export function grantOf({ leaseId, expiresAt, allocation }: Lease): Grant {
  return { leaseId, expiresAt, allocation }
}
