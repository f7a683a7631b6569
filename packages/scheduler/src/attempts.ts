/** How often a policy may be tried for a client. */
export interface AttemptLimits {
  /** Tries within the period, 1–35. @default 2 */
  readonly tries: number
  /** Length of the sliding period in milliseconds. @default 12 hours */
  readonly periodMs: number
  /** Wait between tries in milliseconds, 1–60 minutes. @default 10 minutes */
  readonly retryDelayMs: number
}

/** The defaults of {@link AttemptLimits}. */
export const defaultAttemptLimits: AttemptLimits = {
  tries: 2,
  periodMs: 12 * 3_600_000,
  retryDelayMs: 10 * 60_000,
}

/**
 * When the next try is allowed after failures: not before the delay has passed since the last try, and not before the
 * oldest of the last `tries` tries has left the sliding period.
 */
export function nextTryAt(failures: readonly number[], limits: AttemptLimits): number {
  const last = failures.at(-1)
  if (last === undefined) return 0
  const oldest = failures.at(-limits.tries)
  return Math.max(last + limits.retryDelayMs, oldest === undefined ? 0 : oldest + limits.periodMs)
}

/** The tries that still count. */
export function withinPeriod(attempts: readonly number[], now: number, limits: AttemptLimits): number[] {
  return attempts.filter((at) => at > now - limits.periodMs)
}

/** How many tries a job that starts now has: what is left of the period's, and at least the one that it is. */
export function triesLeft(attempts: readonly number[], now: number, limits: AttemptLimits): number {
  return Math.max(1, limits.tries - withinPeriod(attempts, now, limits).length)
}

/** Statuses of a person's or the window's decision, 150, 157 and 196: nothing failed, so nothing is tried again. */
export function isDecided(status: number): boolean {
  return status === stopped.cancelled || status === stopped.suspended || status === stopped.windowClosed
}

/** Statuses that end a job though it did not fail. */
export const stopped = { cancelled: 150, suspended: 157, windowClosed: 196 } as const

/** 0 is success, 1 success with some files left out. */
export function isSuccess(status: number): boolean {
  return status <= 1
}
