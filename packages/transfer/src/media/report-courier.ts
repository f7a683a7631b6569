import { type Clock, type JobSessions, type Logger, NbError, type SessionReport } from '@nb/contracts'
import { orAborted } from './or-aborted.ts'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** How long the manager may take to take a report. */
const ATTEMPT_MS = 60_000

/** A report on its way. */
export interface Delivery {
  /** Resolves after the first attempt, whatever came of it: from then on nothing is gained by keeping it from others. */
  readonly attempted: Promise<void>
  /** Resolves when the manager has taken the report, does not know the session, or the courier is stopped. */
  readonly done: Promise<void>
}

/** Brings session reports to the job manager. */
export interface ReportCourier {
  deliver(report: SessionReport): Delivery
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

  /** Answers whether the report needs no further attempt. */
  async function attempt(report: SessionReport): Promise<boolean> {
    const late = new AbortController()
    const cancel = clock.setTimer(ATTEMPT_MS, () => late.abort(new Error('the job manager gave no answer')))
    try {
      await orAborted(jobs.sessionEnded({ report }, { signal: late.signal }), late.signal)
      return true
    } catch (error) {
      logger.error('the report of session %s was not taken: %o', report.sessionId, error)
      return error instanceof NbError && error.code === 'session-unknown'
    } finally {
      cancel()
    }
  }

  async function insist(report: SessionReport, first: Promise<boolean>): Promise<void> {
    let taken = await first
    for (
      let waitMs = FIRST_WAIT_MS;
      !taken && !signal.aborted;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
    ) {
      await pause(clock, waitMs, signal)
      if (!signal.aborted) taken = await attempt(report)
    }
  }
  return {
    deliver: (report) => {
      const first = attempt(report)
      return { attempted: first.then(() => undefined), done: insist(report, first) }
    },
    stop: () => stopping.abort(),
  }
}

/** Waits without keeping the process alive. */
function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.setTimer(durationMs, end)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
