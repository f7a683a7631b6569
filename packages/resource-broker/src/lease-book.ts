import type { Clock, Grant } from '@nb/contracts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import type { LeaseRecord } from './lease-store.ts'
import type { Limit } from './limits.ts'
import { addOne, allOf, type OneOrMore, withoutOne } from './one-or-more.ts'
import { Usage } from './usage.ts'

/** A lease in force. */
export interface Lease extends LeaseRecord, HeapItem {
  /** What it counts under. */
  readonly counted: readonly Pick<Limit, 'kind' | 'name'>[]
  /** Taken back then unless renewed, milliseconds since the epoch. */
  expiresAt: number
  /** Set while it is being given back. */
  ending: Promise<void> | undefined
}

/** The leases in force, in memory: by id, request and job, what they count under, and who expires next. */
export class LeaseBook {
  readonly usage: Usage = new Usage()
  readonly #leases: Map<string, Lease> = new Map()
  readonly #byRequest: Map<string, Lease> = new Map()
  readonly #byJob: Map<string, OneOrMore<Lease>> = new Map()
  readonly #byExpiry: IndexedHeap<Lease> = new IndexedHeap((a, b) => a.expiresAt - b.expiresAt)
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
    const expiresAt = this.#clock.now() + this.#leaseMs
    const lease: Lease = {
      leaseId,
      request,
      allocation,
      grantedAt,
      counted,
      expiresAt,
      ending: undefined,
      position: -1,
    }
    const { requestId, jobId } = request
    this.#leases.set(leaseId, lease)
    this.#byRequest.set(requestId, lease)
    this.#byJob.set(jobId, addOne(this.#byJob.get(jobId), lease))
    this.usage.add(leaseId, { jobId, since: grantedAt }, counted)
    this.#byExpiry.put(lease)
    this.#arm()
    return lease
  }

  /** Strikes a lease out. */
  delete(lease: Lease): void {
    const { leaseId, request, counted } = lease
    const { requestId, jobId } = request
    this.#leases.delete(leaseId)
    if (this.#byRequest.get(requestId) === lease) this.#byRequest.delete(requestId)
    const others = withoutOne(this.#byJob.get(jobId), lease)
    if (others === undefined) this.#byJob.delete(jobId)
    else this.#byJob.set(jobId, others)
    this.usage.delete(leaseId, counted)
    this.#byExpiry.remove(lease)
  }

  get(leaseId: string): Lease | undefined {
    return this.#leases.get(leaseId)
  }

  ofRequest(requestId: string): Lease | undefined {
    return this.#byRequest.get(requestId)
  }

  /** Those of a job, oldest first. */
  ofJob(jobId: string): readonly Lease[] {
    return allOf(this.#byJob.get(jobId))
  }

  /** All, oldest first. */
  values(): readonly Lease[] {
    return [...this.#leases.values()]
  }

  /** Gives a lease a full term from now. */
  renew(lease: Lease): void {
    lease.expiresAt = this.#clock.now() + this.#leaseMs
    this.#byExpiry.put(lease)
  }

  /** Tells of no more expiries. */
  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerAt = Infinity
  }

  /** One timer for the earliest end. Renewals only move ends back, so a timer that is early finds out and arms anew. */
  #arm(): void {
    const first = this.#byExpiry.peek()
    if (first === undefined || first.expiresAt >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = first.expiresAt
    this.#cancelTimer = this.#clock.setTimer(first.expiresAt - this.#clock.now(), () => this.#timeIsUp())
  }

  #timeIsUp(): void {
    this.stop()
    const now = this.#clock.now()
    for (let first = this.#byExpiry.peek(); first !== undefined; first = this.#byExpiry.peek()) {
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
