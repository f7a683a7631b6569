/** Something with a life: what `createX` gives may be started and stopped. */
export interface Lifecycle {
  /** Makes it work. Idempotent; rejects, with nothing left running, when it can't. */
  start?(): Promise<void>
  /** Ends it: work in hand is brought to a true end first. Idempotent, also before `start` and after a failed one. */
  stop?(): Promise<void>
}

/**
 * Starts parts in the order given and stops them in reverse.
 * When one fails to start, those already started are stopped and the failure is thrown.
 * Stopping goes on over failures and throws them together as an `AggregateError` at the end.
 */
export function lifecycle(...parts: readonly Lifecycle[]): Required<Lifecycle> {
  const started: Lifecycle[] = []
  const stop = async (): Promise<void> => {
    const failures: unknown[] = []
    for (let part = started.pop(); part !== undefined; part = started.pop()) {
      await part.stop?.().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some parts failed to stop')
  }
  const start = async (): Promise<void> => {
    if (started.length > 0) return
    for (const part of parts) {
      started.push(part)
      try {
        await part.start?.()
      } catch (error) {
        await stop().catch((stopError: unknown) => {
          throw new AggregateError([error, stopError], 'start failed, and so did undoing it', {
            cause: error,
          })
        })
        throw error
      }
    }
  }
  return { start, stop }
}
