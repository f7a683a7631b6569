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

/** The earliest time that a file list holds, 1677-09-21T00:12:43.145224192Z: the least number of 64 bits, in nanoseconds. */
const EARLIEST: Instant = { seconds: -9_223_372_037, nanos: 145_224_192 }
/** The latest, 2262-04-11T23:47:16.854775807Z: the greatest such number. */
const LATEST: Instant = { seconds: 9_223_372_036, nanos: 854_775_807 }

/**
 * Whether a file list can hold a time: whether it is within signed 64 bits of nanoseconds.
 *
 * @param seconds - whole seconds since 1970, rounded down
 * @param nanos - nanoseconds within that second
 */
export function isListableTime(seconds: number, nanos: number): boolean {
  if (seconds > EARLIEST.seconds && seconds < LATEST.seconds) return true
  if (seconds === EARLIEST.seconds) return nanos >= EARLIEST.nanos
  return seconds === LATEST.seconds && nanos <= LATEST.nanos
}

/**
 * The nearest time that a file list can hold: the same one where it can hold that.
 *
 * @param instant - a time of any file system
 */
export function nearestListableTime(instant: Instant): Instant {
  if (isListableTime(instant.seconds, instant.nanos)) return instant
  return instant.seconds < 0 ? EARLIEST : LATEST
}
