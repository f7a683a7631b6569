import { type Clock, type ErrorCode, type Logger, NbError, asNbError } from '@nb/contracts'

/**
 * Waits for a call, but not beyond the signal: it then rejects with the signal's reason at once, even when the other
 * side does not listen. What the call gives after that is handed to `late`, so that nothing it made stays behind.
 */
export function unlessAborted<T>(
  call: Promise<T>,
  signal: AbortSignal,
  late?: (value: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    call.then(
      (value) => {
        signal.removeEventListener('abort', onAbort)
        if (signal.aborted) late?.(value)
        else resolve(value)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort)
        reject(signal.aborted ? (signal.reason as Error) : asNbError(error))
      },
    )
  })
}

/** Makes a call that must answer within `limitMs`; after that it is aborted and given up with an error of `code`. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  code: ErrorCode,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const cancel = clock.setTimer(limitMs, () => {
    limit.abort(new NbError(code, `${what}: no answer within ${limitMs} ms`))
  })
  try {
    return await unlessAborted(call(limit.signal), limit.signal)
  } finally {
    cancel()
  }
}

/**
 * Tries a call up to `tries` times, one second to one minute apart, as long as its errors say that it may succeed later.
 * `again` is told of each failure that is tried again.
 */
export function retrying<T>(
  clock: Clock,
  tries: number,
  call: () => Promise<T>,
  signal?: AbortSignal,
  again?: (failure: NbError) => void,
): Promise<T> {
  // Nearly all calls succeed at once: they are no more than themselves.
  return call().catch((error: unknown) => tryingAgain(clock, tries, call, error, signal, again))
}

async function tryingAgain<T>(
  clock: Clock,
  tries: number,
  call: () => Promise<T>,
  first: unknown,
  signal: AbortSignal | undefined,
  again: ((failure: NbError) => void) | undefined,
): Promise<T> {
  let error = first
  for (let left = tries - 1, delayMs = 1000; ; left--, delayMs = Math.min(4 * delayMs, 60_000)) {
    const failure = asNbError(error)
    if (left <= 0 || signal?.aborted === true || !failure.retryable) throw error
    again?.(failure)
    await clock.sleep(delayMs, signal === undefined ? {} : { signal })
    try {
      return await call()
    } catch (next) {
      error = next
    }
  }
}

/**
 * Makes a call that has failed again until it succeeds or the signal aborts, one second to one minute apart; `again` is
 * told of each failure.
 */
export async function insisting(
  clock: Clock,
  call: () => Promise<void>,
  signal: AbortSignal,
  again: (failure: unknown) => void,
  failed: unknown,
): Promise<void> {
  let failure = failed
  for (let delayMs = 1000; ; delayMs = Math.min(2 * delayMs, 60_000)) {
    if (signal.aborted) throw failure
    again(failure)
    await clock.sleep(delayMs, { signal })
    try {
      return await call()
    } catch (error) {
      failure = error
    }
  }
}

/** Runs an undo step: a failure is logged and told to the caller as `false`, and the other steps go on. */
export async function attempt(log: Logger, what: string, step: () => Promise<unknown>): Promise<boolean> {
  try {
    await step()
    return true
  } catch (error) {
    log.error('%s: %o', what, error)
    return false
  }
}
