/** What `statx(2)` says of a file, in the widths it is said in. */
export interface FileStat {
  /** File type and permission bits, as `st_mode`. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly ino: bigint
  readonly devMajor: number
  readonly devMinor: number
  /** Which mount the file was reached through; -1 where the kernel does not say. */
  readonly mountId: number
  /** The device a character or block node stands for. */
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly size: number
  /** Allocated units of 512 bytes. */
  readonly blocks: number
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** Bytes of `struct statx`. */
export const STATX_BYTES = 256

/** STATX_BASIC_STATS and STATX_MNT_ID. */
export const STATX_MASK = 0x17ff

const MNT_ID = 0x1000
const GIGA = 1_000_000_000n

/** Reads the `struct statx` that the kernel left in `view` (include/uapi/linux/stat.h; the layout is one for all machines). */
export function parseStatx(view: DataView): FileStat {
  return {
    mode: view.getUint16(28, true),
    nlink: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    ino: view.getBigUint64(32, true),
    devMajor: view.getUint32(136, true),
    devMinor: view.getUint32(140, true),
    mountId: (view.getUint32(0, true) & MNT_ID) === 0 ? -1 : uint64(view, 144),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    size: uint64(view, 40),
    blocks: uint64(view, 48),
    atimeNs: timestamp(view, 64),
    mtimeNs: timestamp(view, 112),
    ctimeNs: timestamp(view, 96),
  }
}

function uint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000
}

function timestamp(view: DataView, offset: number): bigint {
  return view.getBigInt64(offset, true) * GIGA + BigInt(view.getUint32(offset + 8, true))
}

/** Bytes of two `struct timespec`. */
export const TIMESPECS_BYTES = 32

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
