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
import { instantOf } from '@nb/formats'
import { AT, O } from '../posix/constants.ts'
import { FileStat } from '../posix/file-stat.ts'
import { NameCollector } from './name-list.ts'
import type { ReadCalls } from './read-calls.ts'

/**
 * The reading calls on Node's own file system functions, for platforms without native ones: by whole paths, without
 * extended attributes, ACLs and holes.
 */
export function portableReadCalls(): ReadCalls {
  const directories = new Map<number, Buffer>()
  const names = new NameCollector()
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
      names.clear()
      for (const name of readdirSync(pathOf(fd, Buffer.alloc(0)), { encoding: 'buffer' }))
        names.add(name, 0, name.length)
      return names.take()
    },
    stat: (directory, bytes, start = 0) =>
      statOf(lstatSync(pathOf(directory, bytes.subarray(start)), { bigint: true })),
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

function statOf(stat: BigIntStats): FileStat {
  return new FileStat({
    mode: Number(stat.mode),
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    inoHigh: Number(stat.ino >> 32n),
    inoLow: Number(stat.ino & 0xffff_ffffn),
    devMajor: majorOf(stat.dev),
    devMinor: minorOf(stat.dev),
    mountId: -1,
    rdevMajor: majorOf(stat.rdev),
    rdevMinor: minorOf(stat.rdev),
    size: Number(stat.size),
    blocks: Number(stat.blocks),
    atime: instantOf(stat.atimeNs),
    mtime: instantOf(stat.mtimeNs),
    ctime: instantOf(stat.ctimeNs),
  })
}

// The C library's packing on Linux: 12 + 20 bits of major and minor number, interleaved.
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n))
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffff_ff00n))
}
