import type { Instant } from '@nb/formats'

/** Bytes of two `struct timespec`. */
export const TIMESPECS_BYTES = 32

const TWO_32 = 2 ** 32
const GIGA = 1_000_000_000n

/** Writes access and modification time as `utimensat(2)` takes them, without arithmetic on big integers. */
export function putInstants(view: DataView, atime: Instant, mtime: Instant): void {
  putInstant(view, 0, atime)
  putInstant(view, 16, mtime)
}

function putInstant(view: DataView, offset: number, { seconds, nanos }: Instant): void {
  const high = Math.floor(seconds / TWO_32)
  view.setUint32(offset, seconds - high * TWO_32, true)
  view.setInt32(offset + 4, high, true)
  view.setUint32(offset + 8, nanos, true)
  view.setUint32(offset + 12, 0, true)
}

/** Writes access and modification time as `utimensat(2)` takes them; times before 1970 round toward the past. */
export function putTimespecs(view: DataView, atimeNs: bigint, mtimeNs: bigint): void {
  putTimespec(view, 0, atimeNs)
  putTimespec(view, 16, mtimeNs)
}

function putTimespec(view: DataView, offset: number, ns: bigint): void {
  const rest = ((ns % GIGA) + GIGA) % GIGA
  view.setBigInt64(offset, (ns - rest) / GIGA, true)
  view.setBigInt64(offset + 8, rest, true)
}
