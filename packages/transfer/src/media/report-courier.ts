import { type Clock, type JobSessions, type Logger, NbError, type SessionReport } from '@nb/contracts'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000

/** Brings session reports to the job manager. */
export interface ReportCourier {
  /** Resolves when the manager has taken the report, does not know the session, or the courier is stopped. */
  deliver(report: SessionReport): Promise<void>
  stop(): void
}

/**
 * Makes a courier that tries again until a report is taken, for a manager that restarts must still learn how its
 * sessions ended. The manager takes a report once, however often it is brought.
 */
export function createReportCourier(parts: {
  readonly jobs: JobSessions
  readonly clock: Clock
  readonly logger: Logger
}): ReportCourier {
  const { jobs, clock, logger } = parts
  const stopping = new AbortController()
  const { signal } = stopping

  async function deliver(report: SessionReport): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        await jobs.sessionEnded({ report })
        return
      } catch (error) {
        logger.error('the report of session %s was not taken: %o', report.sessionId, error)
        if (signal.aborted || (error instanceof NbError && error.code === 'session-unknown')) return
      }
      await pause(clock, waitMs, signal)
      if (signal.aborted) return
    }
  }
  return { deliver, stop: () => stopping.abort() }
}

/** Waits without keeping the process alive. */
function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(durationMs, resolve)
    const onAbort = (): void => {
      cancel()
      resolve()
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
