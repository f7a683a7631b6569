import { NameStack } from '../client/name-stack.ts'
import type { ReadCalls } from '../client/read-calls.ts'
import { NAME_BYTES, bindNamedCalls, blockAddresses, shown } from './addressed-memory.ts'
import { AT, ERRNO, SYSCALL } from './constants.ts'
import { collectNames } from './directory-entries.ts'
import { FileStat, STATX_BYTES, STATX_MASK } from './file-stat.ts'
import { loadAddressedLibc, type AddressedLibc } from './libc.ts'
import { loadPosix, type Posix } from './posix.ts'
import { PosixError } from './posix-error.ts'

const ENTRY_BYTES = 64 * 1024
/** The reading calls on the C library: those made for every file without conversions, the others as {@link Posix} has them. */
export function loadNativeReadCalls(): ReadCalls | string {
  const posix = loadPosix()
  if (typeof posix === 'string') return posix
  const libc = loadAddressedLibc()
  return typeof libc === 'string' ? libc : bindReadCalls(posix, libc)
}

function bindReadCalls(posix: Posix, libc: AddressedLibc): ReadCalls {
  // One piece of memory that lies outside the garbage collector's heap (small ones lie in it, and move).
  const memory = new ArrayBuffer(NAME_BYTES + STATX_BYTES + ENTRY_BYTES + 1)
  const nameAddress = libc.address(new Uint8Array(memory))
  const statAddress = nameAddress + NAME_BYTES
  const entriesAddress = statAddress + STATX_BYTES
  const nothingAddress = entriesAddress + ENTRY_BYTES
  const name = Buffer.from(memory, 0, NAME_BYTES)
  const entries = Buffer.from(memory, NAME_BYTES + STATX_BYTES, ENTRY_BYTES)
  const names = new NameStack(libc.address)
  const statWords = new Uint32Array(memory, NAME_BYTES, STATX_BYTES / 4)
  const { put, open, close } = bindNamedCalls(libc, name, nameAddress)
  const addressOf = blockAddresses(libc)

  return {
    ...posix,
    open,
    close,
    readInto(fd, into, at, length, position) {
      if (at < 0 || length < 0 || at + length > into.length) throw new RangeError('a read beyond its memory')
      const block = addressOf(into)
      if (block === undefined) throw new RangeError('a block this small may be moved')
      const address = block + at
      for (;;) {
        const count = libc.pread(fd, address, length, position)
        if (count >= 0) return count
        const errno = libc.errno()
        if (errno !== ERRNO.EINTR) throw new PosixError('pread', errno)
      }
    },
    readNames(fd) {
      names.begin()
      for (;;) {
        const length = libc.getdents64(SYSCALL.getdents64, fd, entriesAddress, ENTRY_BYTES)
        if (length < 0) throw new PosixError('getdents64', libc.errno())
        if (length === 0) return names.take()
        collectNames(entries, length, names)
      }
    },
    stat(directory, bytes): FileStat {
      put(bytes)
      const flags = bytes.length === 0 ? AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH : AT.SYMLINK_NOFOLLOW
      if (libc.statx(directory, nameAddress, flags, STATX_MASK, statAddress) < 0)
        throw new PosixError('statx', libc.errno(), shown(bytes))
      return new FileStat(statWords)
    },
    statEntry(directory, names, index): FileStat {
      const address = names.addressAt(index)
      if (libc.statx(directory, address, AT.SYMLINK_NOFOLLOW, STATX_MASK, statAddress) < 0)
        throw new PosixError('statx', libc.errno(), shown(names.at(index)))
      return new FileStat(statWords)
    },
    statFd(fd): FileStat {
      if (libc.statx(fd, nothingAddress, AT.EMPTY_PATH, STATX_MASK, statAddress) < 0)
        throw new PosixError('statx', libc.errno())
      return new FileStat(statWords)
    },
    listAttributesFd(fd) {
      // Nearly every file has none: the full call is made for those that have some, and where this one fails.
      return libc.flistxattr(fd, 0, 0) === 0 ? [] : posix.listAttributesFd(fd)
    },
  }
}
