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
