import type { Grant, ResourceRequest } from '@nb/contracts'
import { Interner } from './interner.ts'
import type { RequestLimits } from './limits.ts'
import { addOne, allOf, type OneOrMore, withoutOne } from './one-or-more.ts'
import { compareRank } from './order.ts'
import { requireSame } from './request.ts'
import { AbortableCaller, Caller, Waiter } from './waiter.ts'
import { WakeIndex } from './wake-index.ts'

/** Who waits for what: the requests, the calls that wait on them, and the index that finds the next to serve. */
export class WaitingRoom {
  readonly index: WakeIndex<Waiter> = new WakeIndex()
  readonly #waiters: Map<string, Waiter> = new Map()
  readonly #byJob: Map<string, OneOrMore<Waiter>> = new Map()
  /** Those who left while the media manager was being asked: told only when all is undone. */
  readonly #leaving: Map<Waiter, (() => void)[]> = new Map()
  readonly #interner: Interner = new Interner()
  readonly #ended: (waiter: Waiter) => void
  /** The one that the media manager is being asked for. It keeps its place: most are denied. */
  #asked: Waiter | undefined
  /** Those that came since somebody asked; some were taken or are gone. */
  #newcomers: Waiter[] = []
  #arrivals = 0

  /** `ended` is told of each that waits no more. */
  constructor(ended: (waiter: Waiter) => void = () => undefined) {
    this.#ended = ended
  }

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
    const known = this.#waiters.get(request.requestId)
    if (known !== undefined) requireSame(known.request, request)
    const waiter = known ?? this.#enter(request, limits, now)
    return new Promise((resolve, reject) => {
      const caller =
        signal === undefined
          ? new Caller(resolve, reject)
          : new AbortableCaller(resolve, reject, signal, waiter, this)
      waiter.callers = addOne(waiter.callers, caller)
    })
  }

  /** The media manager is asked for the request, and for no other until it has answered. */
  beginAsking(waiter: Waiter): void {
    this.#asked = waiter
  }

  /** Whether the media manager is being asked for it now. */
  isAsked(waiter: Waiter): boolean {
    return this.#asked === waiter
  }

  /** It goes on waiting; or it is forgotten, when nobody wants it any more. */
  goOnWaiting(waiter: Waiter): void {
    if (waiter.callers === undefined) this.#end(waiter)
    else this.#asked = undefined
  }

  /** Ends the wait with a grant. */
  grant(waiter: Waiter, grant: Grant): void {
    const { callers } = waiter
    if (callers instanceof Caller) answer(callers, grant)
    else for (const caller of allOf(callers)) answer(caller, grant)
    this.#end(waiter)
  }

  /** Ends the wait with an error, or quietly when nobody wants it any more. */
  fail(waiter: Waiter, error: Error): void {
    for (const caller of allOf(waiter.callers)) {
      caller.settled()
      caller.reject(error)
    }
    this.#end(waiter)
  }

  /** Ends all waits but those that the media manager is being asked for. */
  failAll(error: Error): void {
    for (const waiter of [...this.#waiters.values()]) if (!this.isAsked(waiter)) this.fail(waiter, error)
  }

  /** Gives a request another priority, and its new place at once. */
  setPriority(waiter: Waiter, priority: number): void {
    this.index.reposition(waiter, () => {
      waiter.priority = priority
      waiter.request = { ...waiter.request, priority }
    })
  }

  /** A caller wants it no more. */
  leave(waiter: Waiter, caller: Caller, reason: Error): void {
    if (!allOf(waiter.callers).includes(caller)) return
    waiter.callers = withoutOne(waiter.callers, caller)
    if (waiter.callers !== undefined) caller.reject(reason)
    else if (this.isAsked(waiter)) {
      const leaving = this.#leaving.get(waiter) ?? []
      this.#leaving.set(waiter, [...leaving, () => caller.reject(reason)])
    } else {
      this.#end(waiter)
      caller.reject(reason)
    }
  }

  /** Those that came since the last call and still wait. */
  takeNewcomers(): readonly Waiter[] {
    if (this.#newcomers.length === 0) return this.#newcomers
    const newcomers = this.#newcomers.filter((waiter) => this.takeNewcomer(waiter))
    this.#newcomers = []
    return newcomers
  }

  /** Whether it came since then; from now on it counts as seen. */
  takeNewcomer(waiter: Waiter): boolean {
    const { isNew } = waiter
    waiter.isNew = false
    return isNew
  }

  isWaiting(waiter: Waiter): boolean {
    return this.#waiters.get(waiter.request.requestId) === waiter
  }

  /** The waiting requests of a job, in order of service. */
  ofJob(jobId: string): readonly Waiter[] {
    return [...allOf(this.#byJob.get(jobId))].sort(compareRank)
  }

  /** All in order of service. */
  inOrder(): readonly Waiter[] {
    return [...this.#waiters.values()].sort(compareRank)
  }

  #enter(asked: ResourceRequest, { policy, client }: RequestLimits, now: number): Waiter {
    const request = this.#interner.request(asked)
    const limits = { policy: this.#interner.limit(policy), client: this.#interner.limit(client) }
    const waiter = new Waiter(request, limits, request.queuedAt ?? now, this.#arrivals++)
    this.#waiters.set(request.requestId, waiter)
    this.#byJob.set(request.jobId, addOne(this.#byJob.get(request.jobId), waiter))
    this.#newcomers.push(waiter)
    this.index.add(waiter)
    return waiter
  }

  #end(waiter: Waiter): void {
    if (this.#asked === waiter) this.#asked = undefined
    this.index.remove(waiter)
    const { requestId, jobId } = waiter.request
    this.#waiters.delete(requestId)
    waiter.isNew = false
    const others = withoutOne(this.#byJob.get(jobId), waiter)
    if (others === undefined) this.#byJob.delete(jobId)
    else this.#byJob.set(jobId, others)
    if (this.#waiters.size === 0) this.#interner.clear()
    if (this.#leaving.size > 0) {
      for (const tell of this.#leaving.get(waiter) ?? []) tell()
      this.#leaving.delete(waiter)
    }
    this.#ended(waiter)
  }
}

function answer(caller: Caller, grant: Grant): void {
  caller.settled()
  caller.resolve(grant)
}
