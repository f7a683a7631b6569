import type { Job } from '@nb/contracts'
import type { ToldChange } from './told-change.ts'

/** Those who wait until the same signal aborts. */
class Patience {
  readonly #waiters: FinalWaiter[] = []

  /** One listener for all, for as long as there is the signal: who has waited with it mostly waits again. */
  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', this, { once: true })
  }

  add(waiter: FinalWaiter): void {
    this.#waiters.push(waiter)
  }

  delete(waiter: FinalWaiter): void {
    const at = this.#waiters.indexOf(waiter)
    const last = this.#waiters.pop()
    if (last !== undefined && at >= 0 && at < this.#waiters.length) this.#waiters[at] = last
  }

  handleEvent({ target }: Event): void {
    const reason: unknown = (target as AbortSignal).reason
    for (const waiter of this.#waiters.splice(0)) waiter.leave(reason)
  }
}

/** One who waits for a job's end. */
class FinalWaiter {
  readonly final: Promise<Job>
  readonly #patience: Patience | undefined
  #resolve!: (job: Job) => void
  #reject!: (reason: unknown) => void
  #isGone = false

  constructor(patience: Patience | undefined) {
    this.#patience = patience
    this.final = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    patience?.add(this)
  }

  tell(job: Job): void {
    this.#patience?.delete(this)
    this.#resolve(job)
  }

  giveUp(reason: unknown): void {
    this.#patience?.delete(this)
    this.#reject(reason)
  }

  /** Its signal has aborted. */
  leave(reason: unknown): void {
    this.#isGone = true
    this.#reject(reason)
  }

  get isGone(): boolean {
    return this.#isGone
  }
}

/** Those who wait for the ends of jobs. */
export class FinalWaiters {
  readonly #ofJob = new Map<string, readonly FinalWaiter[]>()
  readonly #bySignal = new WeakMap<AbortSignal, Patience>()

  /** The job as it is told at its end. Rejects when the signal aborts or all are given up. */
  wait(jobId: string, signal: AbortSignal | undefined): Promise<Job> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    const waiter = new FinalWaiter(signal === undefined ? undefined : this.#patienceOf(signal))
    const others = this.#ofJob.get(jobId)
    if (others === undefined) this.#ofJob.set(jobId, [waiter])
    // Those that have left meanwhile are let go of.
    else this.#ofJob.set(jobId, [...others.filter(({ isGone }) => !isGone), waiter])
    return waiter.final
  }

  /** The job is done for good. */
  tell(change: Pick<ToldChange, 'jobId' | 'job'>): void {
    const waiters = this.#ofJob.get(change.jobId)
    if (waiters === undefined) return
    this.#ofJob.delete(change.jobId)
    const { job } = change
    for (const waiter of waiters) waiter.tell(job)
  }

  /** Nobody is told of any job any more. */
  giveUp(reason: unknown): void {
    const all = [...this.#ofJob.values()]
    this.#ofJob.clear()
    for (const waiters of all) for (const waiter of waiters) waiter.giveUp(reason)
  }

  #patienceOf(signal: AbortSignal): Patience {
    const known = this.#bySignal.get(signal)
    if (known !== undefined) return known
    const made = new Patience(signal)
    this.#bySignal.set(signal, made)
    return made
  }
}
