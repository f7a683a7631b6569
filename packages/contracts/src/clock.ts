import type { CallOptions } from './call-options.ts'

/** The only source of time in the house. A local power: it never crosses a wire. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. */
  now(): number
  /**
   * Calls `action` once, `delayMs` milliseconds from now (at once when not positive), never synchronously.
   * Any delay is allowed, also beyond what the host's timers take. Returns a function that cancels it;
   * cancelling twice, or after it ran, does nothing. A pending timer does not keep the process alive
   * unless `keepAlive` is set.
   */
  setTimer(delayMs: number, action: () => void, options?: { readonly keepAlive?: boolean }): () => void
  /** Resolves after `delayMs` milliseconds, rejects with `AbortError` when the signal aborts. */
  sleep(delayMs: number, options?: CallOptions): Promise<void>
}

const longestTimerMs = 2 ** 31 - 1

/** The host's own clock. */
export function systemClock(): Clock {
  const setTimer: Clock['setTimer'] = (delayMs, action, options) => {
    let handle: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const slice = Math.min(Math.max(leftMs, 0), longestTimerMs)
      handle = setTimeout(() => (leftMs > slice ? arm(leftMs - slice) : action()), slice)
      if (options?.keepAlive !== true) handle.unref()
    }
    arm(delayMs)
    return () => clearTimeout(handle)
  }
  return { now: () => Date.now(), setTimer, sleep: (delayMs, options) => sleepOn(setTimer, delayMs, options) }
}

/** `Clock.sleep` in terms of `Clock.setTimer`, for clocks of any kind. */
export function sleepOn(setTimer: Clock['setTimer'], delayMs: number, options?: CallOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const signal = options?.signal
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = setTimer(
      delayMs,
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      { keepAlive: true },
    )
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
