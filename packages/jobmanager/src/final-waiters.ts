import type { Job } from '@nb/contracts'
import type { ToldChange } from './told-change.ts'

/** One who waits for a job's end, until a signal aborts; an object, because there is one for every job that runs. */
class FinalWaiter {
  readonly final: Promise<Job>
  readonly #signal: AbortSignal | undefined
  #resolve: (job: Job) => void = () => undefined
  #reject: (reason: unknown) => void = () => undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    this.final = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    signal?.addEventListener('abort', this, { once: true })
  }

  tell(job: Job): void {
    this.#signal?.removeEventListener('abort', this)
    this.#resolve(job)
  }

  giveUp(reason: unknown): void {
    this.#signal?.removeEventListener('abort', this)
    this.#reject(reason)
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#reject(this.#signal?.reason)
  }

  get isGone(): boolean {
    return this.#signal?.aborted === true
  }
}

/** Those who wait for the ends of jobs. */
export class FinalWaiters {
  readonly #ofJob = new Map<string, FinalWaiter[]>()

  /** The job as it is told at its end. Rejects when the signal aborts or all are given up. */
  wait(jobId: string, signal: AbortSignal | undefined): Promise<Job> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    const waiter = new FinalWaiter(signal)
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
}
