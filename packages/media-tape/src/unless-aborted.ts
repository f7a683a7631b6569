import type { CallOptions } from '@nb/contracts'

/** Waits no longer than until the signal aborts. */
export async function unlessAborted<Result>(
  awaited: Promise<Result>,
  options: CallOptions | undefined,
): Promise<Result> {
  const signal = options?.signal
  if (signal === undefined) return awaited
  return new Promise<Result>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
