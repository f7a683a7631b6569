import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type BigIntStats,
} from 'node:fs'
import { AT, O } from '../posix/constants.ts'
import { FileStat, STATX_BYTES } from '../posix/file-stat.ts'
import { NameStack } from './name-stack.ts'
import type { ReadCalls } from './read-calls.ts'

const NANOSECONDS = 1_000_000_000n

/**
 * The reading calls on Node's own file system functions, for platforms without native ones: by whole paths, without
 * extended attributes, ACLs and holes.
 */
export function portableReadCalls(): ReadCalls {
  const directories = new Map<number, Buffer>()
  const names = new NameStack()
  const pathOf = (directory: number, name: Uint8Array): Buffer => {
    const base = directories.get(directory)
    if (directory === AT.FDCWD || base === undefined) return Buffer.from(name)
    return Buffer.concat([base, Buffer.from('/'), name])
  }
  return {
    open(directory, name, flags) {
      const path = pathOf(directory, name)
      const fd = openSync(path, portableFlags(flags))
      if ((flags & O.DIRECTORY) !== 0) directories.set(fd, path)
      return fd
    },
    close(fd) {
      directories.delete(fd)
      closeSync(fd)
    },
    read: (fd, into) => readSync(fd, into, 0, into.length, null),
    readAt: (fd, into, position) => readSync(fd, into, 0, into.length, position),
    // Without a way to ask, all of a file is data.
    seekData: (_fd, position) => position,
    seekHole: () => undefined,
    readInto: (fd, into, at, length, position) => readSync(fd, into, at, length, position),
    readNames(fd) {
      names.begin()
      for (const name of readdirSync(pathOf(fd, Buffer.alloc(0)), { encoding: 'buffer' }))
        names.add(name, 0, name.length)
      return names.take()
    },
    stat: (directory, name) => statOf(lstatSync(pathOf(directory, name), { bigint: true })),
    statEntry: (directory, list, index) =>
      statOf(lstatSync(pathOf(directory, list.at(index)), { bigint: true })),
    statFd: (fd) => statOf(fstatSync(fd, { bigint: true })),
    readLink: (directory, name) => readlinkSync(pathOf(directory, name), { encoding: 'buffer' }),
    listAttributesFd: () => [],
    listAttributesAt: () => [],
    getAttributeFd: () => undefined,
    getAttributeAt: () => undefined,
  }
}

function portableFlags(flags: number): number {
  const pairs: readonly (readonly [number, number | undefined])[] = [
    [O.DIRECTORY, constants.O_DIRECTORY],
    [O.NOFOLLOW, constants.O_NOFOLLOW],
    [O.NONBLOCK, constants.O_NONBLOCK],
    [O.NOATIME, constants.O_NOATIME],
  ]
  return pairs.reduce(
    (sum, [ours, theirs]) => ((flags & ours) === 0 ? sum : sum | (theirs ?? 0)),
    constants.O_RDONLY,
  )
}

/** As `statx(2)` would say it, without the mount. */
function statOf(stat: BigIntStats): FileStat {
  const words = new Uint32Array(STATX_BYTES / 4)
  const put = (at: number, value: bigint): void => {
    words[at] = Number(value & 0xffff_ffffn)
    words[at + 1] = Number((value >> 32n) & 0xffff_ffffn)
  }
  // Whole seconds as they are: a number that is rounded may be one more than 64 bits have.
  const putTime = (at: number, timeNs: bigint): void => {
    const nanos = ((timeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS
    put(at, (timeNs - nanos) / NANOSECONDS)
    words[at + 2] = Number(nanos)
  }
  words[4] = Number(stat.nlink)
  words[5] = Number(stat.uid)
  words[6] = Number(stat.gid)
  words[7] = Number(stat.mode)
  put(8, stat.ino)
  put(10, stat.size)
  put(12, stat.blocks)
  putTime(16, stat.atimeNs)
  putTime(24, stat.ctimeNs)
  putTime(28, stat.mtimeNs)
  words[32] = majorOf(stat.rdev)
  words[33] = minorOf(stat.rdev)
  words[34] = majorOf(stat.dev)
  words[35] = minorOf(stat.dev)
  return new FileStat(words)
}

// The C library's packing on Linux: 12 + 20 bits of major and minor number, interleaved.
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n))
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffff_ff00n))
}
