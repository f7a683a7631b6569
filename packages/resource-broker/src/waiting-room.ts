import type { Grant, ResourceRequest } from '@nb/contracts'
import type { RequestLimits } from './limits.ts'
import { compareRank } from './order.ts'
import { requireSame } from './request.ts'
import { type Waiting, WakeIndex } from './wake-index.ts'

/** A request that waits, with whoever waits for it. */
export interface Waiter extends Waiting {
  priority: number
  request: ResourceRequest
  /** Those who asked and still want it: usually one, more when a request was sent again. */
  readonly callers: Set<Caller>
  /** Those who left while the media manager was being asked: told only when all is undone. */
  readonly leaving: Caller[]
  /** Whether the media manager is being asked now; the index does not hold it then. */
  asking: boolean
  /** Whether its job's log has the line of the first time. */
  requested: boolean
}

/** One pending call. */
export interface Caller {
  readonly resolve: (grant: Grant) => void
  readonly reject: (reason: unknown) => void
}

/** Who waits for what: the requests, the calls that wait on them, and the index that finds the next to serve. */
export class WaitingRoom {
  readonly index: WakeIndex<Waiter> = new WakeIndex()
  readonly #waiters: Map<string, Waiter> = new Map()
  readonly #byJob: Map<string, Set<Waiter>> = new Map()
  #newcomers: Waiter[] = []
  #arrivals = 0

  /**
   * Waits for a request: pending until granted or failed. The same request again waits with the first. On abort the
   * call rejects with the signal's reason, at once, or when a grant under way is undone.
   */
  join(
    request: ResourceRequest,
    limits: RequestLimits,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<Grant> {
    const waiter = this.#waiters.get(request.requestId) ?? this.#enter(request, limits, now)
    requireSame(waiter.request, request)
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#leave(waiter, caller, signal?.reason)
      const stopListening = (): void => signal?.removeEventListener('abort', onAbort)
      const caller: Caller = {
        resolve: (grant) => (stopListening(), resolve(grant)),
        reject: (reason) => {
          stopListening()
          reject(reason instanceof Error ? reason : new Error(String(reason)))
        },
      }
      waiter.callers.add(caller)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Takes the request out to ask the media manager for it. */
  beginAsking(waiter: Waiter): void {
    this.index.remove(waiter)
    waiter.asking = true
  }

  /** It goes on waiting; or it is forgotten, when nobody wants it any more. */
  goOnWaiting(waiter: Waiter): void {
    waiter.asking = false
    if (waiter.callers.size === 0) this.#end(waiter)
    else this.index.add(waiter)
  }

  /** Ends the wait with a grant. */
  grant(waiter: Waiter, grant: Grant): void {
    for (const caller of waiter.callers) caller.resolve(grant)
    this.#end(waiter)
  }

  /** Ends the wait with an error, or quietly when nobody wants it any more. */
  fail(waiter: Waiter, error: Error): void {
    for (const caller of waiter.callers) caller.reject(error)
    this.#end(waiter)
  }

  /** Ends all waits but those that the media manager is being asked for. */
  failAll(error: Error): void {
    for (const waiter of [...this.#waiters.values()]) if (!waiter.asking) this.fail(waiter, error)
  }

  /** Those that came since the last call and still wait. */
  takeNewcomers(): readonly Waiter[] {
    const newcomers = this.#newcomers.filter((waiter) => this.isWaiting(waiter))
    this.#newcomers = []
    return newcomers
  }

  isWaiting(waiter: Waiter): boolean {
    return this.#waiters.get(waiter.request.requestId) === waiter
  }

  /** The waiting requests of a job, in no order. */
  ofJob(jobId: string): readonly Waiter[] {
    return [...(this.#byJob.get(jobId) ?? [])]
  }

  /** Gives a request another priority, and its new place at once. */
  setPriority(waiter: Waiter, priority: number): void {
    // The one that the media manager is being asked for gets its place when it comes back.
    if (!waiter.asking) this.index.remove(waiter)
    waiter.priority = priority
    waiter.request = { ...waiter.request, priority }
    if (!waiter.asking) this.index.add(waiter)
  }

  /** The first in order of a job's waiting requests. */
  firstOfJob(jobId: string): Waiter | undefined {
    return [...(this.#byJob.get(jobId) ?? [])].sort(compareRank)[0]
  }

  /** All in order of service. */
  inOrder(): readonly Waiter[] {
    return [...this.#waiters.values()].sort(compareRank)
  }

  #enter(request: ResourceRequest, limits: RequestLimits, now: number): Waiter {
    const waiter: Waiter = {
      request,
      limits,
      need: request.need,
      priority: request.priority,
      since: request.queuedAt ?? now,
      arrival: this.#arrivals++,
      position: -1,
      callers: new Set(),
      leaving: [],
      asking: false,
      requested: false,
    }
    this.#waiters.set(request.requestId, waiter)
    const ofJob = this.#byJob.get(request.jobId)
    if (ofJob === undefined) this.#byJob.set(request.jobId, new Set([waiter]))
    else ofJob.add(waiter)
    this.#newcomers.push(waiter)
    this.index.add(waiter)
    return waiter
  }

  #leave(waiter: Waiter, caller: Caller, reason: unknown): void {
    if (!waiter.callers.delete(caller)) return
    if (waiter.callers.size > 0) caller.reject(reason)
    else if (waiter.asking) waiter.leaving.push({ ...caller, reject: () => caller.reject(reason) })
    else {
      this.#end(waiter)
      caller.reject(reason)
    }
  }

  #end(waiter: Waiter): void {
    if (!waiter.asking) this.index.remove(waiter)
    this.#waiters.delete(waiter.request.requestId)
    const { jobId } = waiter.request
    const ofJob = this.#byJob.get(jobId)
    if (ofJob?.delete(waiter) === true && ofJob.size === 0) this.#byJob.delete(jobId)
    for (const caller of waiter.leaving) caller.reject(undefined)
  }
}
