/** A point in time as two numbers: every file has three of them, and arithmetic on big integers costs more than all else. */
export interface Instant {
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly seconds: number
  /** Nanoseconds within that second, 0–999,999,999. */
  readonly nanos: number
}

const NANOSECONDS = 1_000_000_000n

/**
 * The instant of a time.
 *
 * @param timeNs - nanoseconds since 1970
 */
export function instantOf(timeNs: bigint): Instant {
  const nanos = ((timeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS
  return { seconds: Number((timeNs - nanos) / NANOSECONDS), nanos: Number(nanos) }
}

/**
 * Nanoseconds since 1970.
 *
 * @param instant - the instant
 */
export function timeNsOf({ seconds, nanos }: Instant): bigint {
  return BigInt(seconds) * NANOSECONDS + BigInt(nanos)
}

/**
 * Whether two instants are the same.
 *
 * @param a - an instant
 * @param b - an instant
 */
export function sameInstant(a: Instant, b: Instant): boolean {
  return a.seconds === b.seconds && a.nanos === b.nanos
}
