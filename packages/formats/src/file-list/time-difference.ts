import { type Instant, timeNsOf } from '../instant.ts'
import type { ByteWriter } from './byte-writer.ts'

const GIGA = 1_000_000_000
/** From here on a difference may not fit in 64 bits of nanoseconds, in seconds. */
const MAY_WRAP_SECONDS = 9_223_372_036

/** The time between two instants, to the nanosecond; its memory is used again. */
export class TimeDifference {
  /** Whether the later one came first. */
  isNegative = false
  /** Whole seconds of its magnitude. */
  seconds = 0
  /** Nanoseconds beyond them. */
  nanos = 0

  /** Takes `from` from `to`. */
  set(to: Instant, from: Instant): void {
    let seconds = to.seconds - from.seconds
    let nanos = to.nanos - from.nanos
    this.isNegative = seconds < 0 || (seconds === 0 && nanos < 0)
    if (this.isNegative) {
      seconds = -seconds
      nanos = -nanos
    }
    if (nanos < 0) {
      seconds -= 1
      nanos += GIGA
    }
    this.seconds = seconds
    this.nanos = nanos
  }

  get isZero(): boolean {
    return this.seconds === 0 && this.nanos === 0
  }

  /** Whether the difference may be one that wraps at 64 bits. */
  get isHuge(): boolean {
    return this.seconds >= MAY_WRAP_SECONDS
  }

  /** Whether it is no longer than another one. */
  isWithin(other: TimeDifference): boolean {
    return this.seconds < other.seconds || (this.seconds === other.seconds && this.nanos <= other.nanos)
  }

  /** Writes it as a signed number of nanoseconds, unless it {@link isHuge}. */
  write(writer: ByteWriter): void {
    writer.signedProduct(this.isNegative, this.seconds, GIGA, this.nanos)
  }
}

/** The difference of two times as 64 bits have it: it wraps. */
export function wrappedDifference(to: Instant, from: Instant): bigint {
  return BigInt.asIntN(64, timeNsOf(to) - timeNsOf(from))
}
