import type { Clock } from '@nb/contracts'

/**
 * Pings when nothing was heard for a while, and tells when there is no answer either.
 *
 * The time for the answer runs in two halves: a process that was stopped for long finds both the time over and the answer waiting
 * to be read, and reads it during the second half.
 */
export class KeepAlive {
  readonly #clock: Clock
  readonly #times: { readonly pingIntervalMs: number; readonly pingTimeoutMs: number }
  readonly #does: { readonly ping: () => void; readonly silent: () => void }
  #state: 'idle' | 'heard' | 'pinged' | 'late' = 'idle'
  #cancelTimer: () => void = () => undefined

  constructor(
    clock: Clock,
    times: { readonly pingIntervalMs: number; readonly pingTimeoutMs: number },
    does: { readonly ping: () => void; readonly silent: () => void },
  ) {
    this.#clock = clock
    this.#times = times
    this.#does = does
  }

  start(): void {
    this.#arm('idle', this.#times.pingIntervalMs)
  }

  stop(): void {
    this.#cancelTimer()
  }

  /** Something came. */
  heard(): void {
    if (this.#state === 'heard' || this.#state === 'idle') this.#state = 'heard'
    else this.#arm('heard', this.#times.pingIntervalMs)
  }

  #arm(state: 'idle' | 'heard' | 'pinged' | 'late', delayMs: number): void {
    this.#cancelTimer()
    this.#state = state
    this.#cancelTimer = this.#clock.setTimer(delayMs, () => this.#due())
  }

  #due(): void {
    switch (this.#state) {
      case 'heard':
        this.#arm('idle', this.#times.pingIntervalMs)
        break
      case 'idle':
        this.#arm('pinged', this.#times.pingTimeoutMs / 2)
        this.#does.ping()
        break
      case 'pinged':
        this.#arm('late', this.#times.pingTimeoutMs / 2)
        break
      case 'late':
        this.#does.silent()
    }
  }
}
