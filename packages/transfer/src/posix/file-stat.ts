import { type Instant, isListableTime, nearestListableTime, timeNsOf } from '@nb/formats'

/** Bytes of `struct statx`. */
export const STATX_BYTES = 256

/** STATX_BASIC_STATS and STATX_MNT_ID. */
export const STATX_MASK = 0x17ff

const MNT_ID = 0x1000
const TWO_32 = 2 ** 32

/** A time of a file, as a sentence calls it. */
export type TimeName = 'access time' | 'change time' | 'modification time'

const NONE: readonly TimeName[] = []

/**
 * What `statx(2)` says of a file, in numbers that cost little: numbers of 64 bits that need not be one are in two halves, and the
 * instants of its times are made when they are asked for. Every file of a walk has one.
 *
 * Its times are those of the file system, or the nearest that a file list can hold: so archive, list, and whatever is compared with a
 * list have the same.
 */
export class FileStat {
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
  /** When it was read last: whole seconds since 1970, and nanoseconds within. */
  readonly atimeSeconds: number
  readonly atimeNanos: number
  /** When its content was changed last. */
  readonly mtimeSeconds: number
  readonly mtimeNanos: number
  /** When anything of it was changed last. */
  readonly ctimeSeconds: number
  readonly ctimeNanos: number
  /** Which of its times a file list cannot hold: the nearest ones are here for them. Nearly always none. */
  readonly movedTimes: readonly TimeName[]

  /** @param words - `struct statx` (include/uapi/linux/stat.h; the layout is one for all machines), in the machine's order of bytes */
  constructor(words: Uint32Array) {
    // Two bytes each of mode and padding.
    this.mode = (words[7] as number) & 0xffff
    this.nlink = words[4] as number
    this.uid = words[5] as number
    this.gid = words[6] as number
    this.inoHigh = words[9] as number
    this.inoLow = words[8] as number
    this.devMajor = words[34] as number
    this.devMinor = words[35] as number
    this.mountId = ((words[0] as number) & MNT_ID) === 0 ? -1 : unsigned(words, 36)
    this.rdevMajor = words[32] as number
    this.rdevMinor = words[33] as number
    this.size = unsigned(words, 10)
    this.blocks = unsigned(words, 12)
    this.atimeSeconds = signed(words, 16)
    this.atimeNanos = words[18] as number
    this.ctimeSeconds = signed(words, 24)
    this.ctimeNanos = words[26] as number
    this.mtimeSeconds = signed(words, 28)
    this.mtimeNanos = words[30] as number
    this.movedTimes = NONE
    if (
      isListableTime(this.atimeSeconds, this.atimeNanos) &&
      isListableTime(this.ctimeSeconds, this.ctimeNanos) &&
      isListableTime(this.mtimeSeconds, this.mtimeNanos)
    )
      return
    const moved: TimeName[] = []
    const nearest = (time: Instant, name: TimeName): Instant => {
      if (!isListableTime(time.seconds, time.nanos)) moved.push(name)
      return nearestListableTime(time)
    }
    ;({ seconds: this.mtimeSeconds, nanos: this.mtimeNanos } = nearest(this.mtime, 'modification time'))
    ;({ seconds: this.ctimeSeconds, nanos: this.ctimeNanos } = nearest(this.ctime, 'change time'))
    ;({ seconds: this.atimeSeconds, nanos: this.atimeNanos } = nearest(this.atime, 'access time'))
    this.movedTimes = moved
  }

  get ino(): bigint {
    return (BigInt(this.inoHigh) << 32n) | BigInt(this.inoLow)
  }

  get atime(): Instant {
    return { seconds: this.atimeSeconds, nanos: this.atimeNanos }
  }

  get mtime(): Instant {
    return { seconds: this.mtimeSeconds, nanos: this.mtimeNanos }
  }

  get ctime(): Instant {
    return { seconds: this.ctimeSeconds, nanos: this.ctimeNanos }
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

function unsigned(words: Uint32Array, at: number): number {
  const high = words[at + 1] as number
  const low = words[at] as number
  return high === 0 ? low : low + high * TWO_32
}

function signed(words: Uint32Array, at: number): number {
  const high = words[at + 1] as number
  const low = words[at] as number
  return high === 0 ? low : low + (high | 0) * TWO_32
}
