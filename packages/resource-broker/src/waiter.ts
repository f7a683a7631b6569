import type { Grant, MediaNeed, ResourceRequest } from '@nb/contracts'
import type { Limit, RequestLimits } from './limits.ts'
import type { Waiting } from './wake-nodes.ts'

/** A request that waits, with whoever waits for it. There may be millions: every field counts. */
export class Waiter implements Waiting {
  request: ResourceRequest
  readonly policy: Limit | undefined
  readonly client: Limit | undefined
  priority: number
  readonly since: number
  readonly arrival: number
  position = -1
  /** How often others were served first while it was the first of those who wait for the same. */
  passedBy = 0
  /** Whether its job's log has the line of the first time. */
  requested = false
  /** Whether nobody was told yet that it has to wait. */
  isNew = true
  /** Those who asked and still want it: nearly always one, more when a request was sent again. */
  callers: Caller | readonly Caller[] | undefined = undefined

  constructor(request: ResourceRequest, { policy, client }: RequestLimits, since: number, arrival: number) {
    this.request = request
    this.policy = policy
    this.client = client
    this.priority = request.priority
    this.since = since
    this.arrival = arrival
  }

  get need(): MediaNeed {
    return this.request.need
  }
}

/** One pending call. */
export class Caller {
  readonly resolve: (grant: Grant) => void
  readonly reject: (reason: Error) => void

  constructor(resolve: (grant: Grant) => void, reject: (reason: Error) => void) {
    this.resolve = resolve
    this.reject = reject
  }

  /** Called once the call is answered. */
  settled(): void {}
}

/** One pending call that may be given up. Listens itself: a closure for each would cost more. */
export class AbortableCaller extends Caller {
  readonly signal: AbortSignal
  readonly #waiter: Waiter
  readonly #room: { leave(waiter: Waiter, caller: Caller, reason: Error): void }

  constructor(
    resolve: (grant: Grant) => void,
    reject: (reason: Error) => void,
    signal: AbortSignal,
    waiter: Waiter,
    room: { leave(waiter: Waiter, caller: Caller, reason: Error): void },
  ) {
    super(resolve, reject)
    this.signal = signal
    this.#waiter = waiter
    this.#room = room
    signal.addEventListener('abort', this, { once: true })
  }

  override settled(): void {
    this.signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    const reason: unknown = this.signal.reason
    this.#room.leave(this.#waiter, this, reason instanceof Error ? reason : new Error(String(reason)))
  }
}
