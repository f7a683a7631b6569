import { type Instant, timeNsOf } from '@nb/formats'

/** What is known of a file, in numbers that cost little: times as instants, numbers of 64 bits in two halves. */
export interface StatFields {
  /** File type and permission bits, as `st_mode`. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** Upper 32 bits of the inode's number. */
  readonly inoHigh: number
  readonly inoLow: number
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
  readonly atime: Instant
  readonly mtime: Instant
  readonly ctime: Instant
}

/** What `statx(2)` says of a file, in the widths it is said in. */
export class FileStat implements StatFields {
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly inoHigh: number
  readonly inoLow: number
  readonly devMajor: number
  readonly devMinor: number
  readonly mountId: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly size: number
  readonly blocks: number
  readonly atime: Instant
  readonly mtime: Instant
  readonly ctime: Instant

  constructor(fields: StatFields) {
    this.mode = fields.mode
    this.nlink = fields.nlink
    this.uid = fields.uid
    this.gid = fields.gid
    this.inoHigh = fields.inoHigh
    this.inoLow = fields.inoLow
    this.devMajor = fields.devMajor
    this.devMinor = fields.devMinor
    this.mountId = fields.mountId
    this.rdevMajor = fields.rdevMajor
    this.rdevMinor = fields.rdevMinor
    this.size = fields.size
    this.blocks = fields.blocks
    this.atime = fields.atime
    this.mtime = fields.mtime
    this.ctime = fields.ctime
  }

  get ino(): bigint {
    return (BigInt(this.inoHigh) << 32n) | BigInt(this.inoLow)
  }

  get atimeNs(): bigint {
    return timeNsOf(this.atime)
  }

  get mtimeNs(): bigint {
    return timeNsOf(this.mtime)
  }

  get ctimeNs(): bigint {
    return timeNsOf(this.ctime)
  }
}

/** Bytes of `struct statx`. */
export const STATX_BYTES = 256

/** STATX_BASIC_STATS and STATX_MNT_ID. */
export const STATX_MASK = 0x17ff

const MNT_ID = 0x1000
const GIGA = 1_000_000_000n

/** Reads the `struct statx` that the kernel left in `view` (include/uapi/linux/stat.h; the layout is one for all machines). */
export function parseStatx(view: DataView): FileStat {
  return new FileStat({
    mode: view.getUint16(28, true),
    nlink: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    inoHigh: view.getUint32(36, true),
    inoLow: view.getUint32(32, true),
    devMajor: view.getUint32(136, true),
    devMinor: view.getUint32(140, true),
    mountId: (view.getUint32(0, true) & MNT_ID) === 0 ? -1 : uint64(view, 144),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    size: uint64(view, 40),
    blocks: uint64(view, 48),
    atime: instantAt(view, 64),
    mtime: instantAt(view, 112),
    ctime: instantAt(view, 96),
  })
}

function uint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000
}

function instantAt(view: DataView, offset: number): Instant {
  const seconds = view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 0x1_0000_0000
  return { seconds, nanos: view.getUint32(offset + 8, true) }
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
