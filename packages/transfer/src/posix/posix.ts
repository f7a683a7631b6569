import type { Instant } from '@nb/formats'
import { AT, ERRNO, O, RESOLVE, SYSCALL } from './constants.ts'
import { parseDirectoryEntries, type DirectoryEntry } from './directory-entries.ts'
import type { NamedCalls } from './addressed-memory.ts'
import { bindFastCalls } from './fast-calls.ts'
import { FileStat, STATX_BYTES, STATX_MASK } from './file-stat.ts'
import { loadAddressedLibc, loadLibc, type Libc } from './libc.ts'
import { PosixError } from './posix-error.ts'
import { putInstants, putTimespecs, TIMESPECS_BYTES } from './timespecs.ts'

/**
 * System calls that Node does not have, or has only for whole paths: relative to a directory's descriptor,
 * with names as bytes, times in nanoseconds. All are synchronous and belong into a worker thread. A failing
 * call throws {@link PosixError}; a name with a NUL byte throws it with `EINVAL` before any call is made.
 *
 * `directory` is the descriptor of an open directory, or `AT.FDCWD`.
 */
export interface Posix {
  /** Opens a file; `O_CLOEXEC` is always added. Returns its descriptor. */
  open(directory: number, name: Uint8Array, flags: number, mode?: number): number
  /**
   * Opens what `path` names beneath `directory`, following no symbolic link anywhere in it (`openat2` with
   * RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS). `ENOSYS` where the kernel is older than 5.6.
   */
  openBeneath(directory: number, path: Uint8Array, flags: number, mode?: number): number
  readonly tryOpen: NamedCalls['tryOpen']
  close(fd: number): void
  /** Reads at the descriptor's position into the whole of `into`; fewer bytes than asked are possible, 0 is the end. */
  read(fd: number, into: Uint8Array): number
  /** Reads at `position`. */
  readAt(fd: number, into: Uint8Array, position: number): number
  /** Writes all of `bytes` at `position`. */
  writeAt(fd: number, bytes: Uint8Array, position: number): void
  /** The same for the part from `start` to `end` of some bytes, of which many parts are written one after the other. */
  writePartAt(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void
  /** Start of the next data at or after `position`, `undefined` when only a hole follows. */
  seekData(fd: number, position: number): number | undefined
  /** Start of the next hole at or after `position`; the file's end counts as one. `undefined` beyond the end. */
  seekHole(fd: number, position: number): number | undefined
  truncate(fd: number, sizeBytes: number): void
  /** All entries of an open directory but `.` and `..`, in the file system's order. */
  readDirectory(fd: number): DirectoryEntry[]
  /** What `name` is, not following a symbolic link. An empty name means the descriptor itself. */
  stat(directory: number, name: Uint8Array): FileStat
  /** As {@link stat}; `undefined` when there is nothing of that name, without the cost of an error. */
  find(directory: number, name: Uint8Array): FileStat | undefined
  statFd(fd: number): FileStat
  readLink(directory: number, name: Uint8Array): Buffer
  makeDirectory(directory: number, name: Uint8Array, mode: number): void
  symlink(target: Uint8Array, directory: number, name: Uint8Array): void
  /** Gives the file `fromName` a second name; a symbolic link is linked itself, not followed. */
  link(fromDirectory: number, fromName: Uint8Array, directory: number, name: Uint8Array): void
  /** Gives an open file, also one opened with `O_PATH`, a further name. */
  linkDescriptor(fd: number, directory: number, name: Uint8Array): void
  unlink(directory: number, name: Uint8Array): void
  removeDirectory(directory: number, name: Uint8Array): void
  /** Renames; with `exclusive` fails with `EEXIST` rather than replace. */
  rename(
    fromDirectory: number,
    fromName: Uint8Array,
    directory: number,
    name: Uint8Array,
    options?: { readonly exclusive?: boolean },
  ): void
  /** Makes a FIFO. */
  makeFifo(directory: number, name: Uint8Array, mode: number): void
  /** Makes a device node; `mode` carries `S_IFCHR` or `S_IFBLK`. */
  makeNode(directory: number, name: Uint8Array, mode: number, major: number, minor: number): void
  /** Changes the owner of `name` itself, not of what a symbolic link points to. An empty name means the descriptor. */
  chown(directory: number, name: Uint8Array, uid: number, gid: number): void
  chmodFd(fd: number, mode: number): void
  /** Changes the mode of `name` in a directory, following symbolic links: for what can be none. */
  chmodAt(directory: number, name: Uint8Array, mode: number): void
  /** Changes the mode of what the path names, following symbolic links: for {@link descriptorPath} of an `O_PATH` descriptor. */
  chmodPath(path: Uint8Array, mode: number): void
  /** Sets both times, of a symbolic link itself. */
  setTimes(directory: number, name: Uint8Array, atimeNs: bigint, mtimeNs: bigint): void
  setTimesFd(fd: number, atimeNs: bigint, mtimeNs: bigint): void
  /** As {@link setTimesFd}, from numbers alone. */
  setInstantsFd(fd: number, atime: Instant, mtime: Instant): void
  /** Sets both times of what the path names, following symbolic links: for {@link descriptorPath}. */
  setTimesPath(path: Uint8Array, atimeNs: bigint, mtimeNs: bigint): void
  /** Names of the extended attributes of an open file. */
  listAttributesFd(fd: number): Buffer[]
  /** Names of the extended attributes at a path, of a symbolic link itself. */
  listAttributesAt(path: Uint8Array): Buffer[]
  /** Value of an extended attribute, `undefined` where there is none of that name. */
  getAttributeFd(fd: number, name: Uint8Array): Buffer | undefined
  /** Value at a path; of a symbolic link itself unless `follow`. */
  getAttributeAt(
    path: Uint8Array,
    name: Uint8Array,
    options?: { readonly follow?: boolean },
  ): Buffer | undefined
  setAttributeFd(fd: number, name: Uint8Array, value: Uint8Array): void
  /** Sets an extended attribute of what the path names; `follow: false` means a symbolic link itself. */
  setAttributeAt(
    path: Uint8Array,
    name: Uint8Array,
    value: Uint8Array,
    options: { readonly follow: boolean },
  ): void
  /** Removes an extended attribute; says whether there was one. */
  removeAttributeFd(fd: number, name: Uint8Array): boolean
  /** Removes an extended attribute of what the path names, following symbolic links. */
  removeAttributeAt(path: Uint8Array, name: Uint8Array): boolean
}

/** `/proc/self/fd/FD`, or the path of `name` in that directory: a path of bounded length for calls that have no `…at` form. */
export function descriptorPath(fd: number, name?: Uint8Array): Buffer {
  const base = Buffer.from(name === undefined ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/`, 'latin1')
  return name === undefined ? base : Buffer.concat([base, name])
}

let loaded: Posix | string | undefined

/**
 * The system calls of this process, bound once on first use.
 *
 * @returns a sentence saying why there are none, where the platform or `koffi` does not provide them.
 */
export function loadPosix(): Posix | string {
  if (loaded === undefined) {
    const libc = loadLibc()
    const addressed = loadAddressedLibc()
    if (typeof libc === 'string') loaded = libc
    else if (typeof addressed === 'string') loaded = addressed
    else {
      const posix = bindPosix(libc)
      loaded = { ...posix, ...bindFastCalls(addressed, posix) }
    }
  }
  return loaded
}

const ENTRY_BUFFER_BYTES = 64 * 1024
const PATH_BYTES = 4096
const XATTR_BYTES = 64 * 1024
const SEEK_DATA = 3
const SEEK_HOLE = 4
const RENAME_NOREPLACE = 1
const NOTHING = Buffer.from([0])

function bindPosix(libc: Libc): Omit<Posix, 'tryOpen' | 'writePartAt'> {
  const statBuffer = new Uint8Array(STATX_BYTES)
  const statWords = new Uint32Array(statBuffer.buffer)
  const timeBuffer = new Uint8Array(TIMESPECS_BYTES)
  const timeView = new DataView(timeBuffer.buffer)
  const howBuffer = new Uint8Array(24)
  const howView = new DataView(howBuffer.buffer)
  const entryBuffer = Buffer.allocUnsafe(ENTRY_BUFFER_BYTES)
  const valueBuffer = Buffer.allocUnsafe(XATTR_BYTES)
  const linkBuffer = Buffer.allocUnsafe(PATH_BYTES)
  const first = scratch()
  const second = scratch()

  function check(result: number, syscall: string, subject?: Uint8Array): number {
    if (result < 0)
      throw new PosixError(syscall, libc.errno(), subject === undefined ? undefined : shown(subject))
    return result
  }

  function names(length: number): Buffer[] {
    const list: Buffer[] = []
    for (let at = 0; at < length;) {
      const end = valueBuffer.indexOf(0, at)
      list.push(Buffer.from(valueBuffer.subarray(at, end)))
      at = end + 1
    }
    return list
  }

  function value(length: number, syscall: string, name: Uint8Array): Buffer | undefined {
    if (length >= 0) return Buffer.from(valueBuffer.subarray(0, length))
    const errno = libc.errno()
    if (errno === ERRNO.ENODATA) return undefined
    throw new PosixError(syscall, errno, shown(name))
  }

  function removed(result: number, syscall: string, name: Uint8Array): boolean {
    if (result === 0) return true
    const errno = libc.errno()
    if (errno === ERRNO.ENODATA) return false
    throw new PosixError(syscall, errno, shown(name))
  }

  function seek(fd: number, position: number, whence: number): number | undefined {
    const found = libc.lseek(fd, position, whence)
    if (found >= 0) return found
    const errno = libc.errno()
    if (errno === ERRNO.ENXIO) return undefined
    throw new PosixError('lseek', errno)
  }

  function readFully(call: () => number, syscall: string): number {
    for (;;) {
      const count = call()
      if (count >= 0) return count
      const errno = libc.errno()
      if (errno !== ERRNO.EINTR) throw new PosixError(syscall, errno)
    }
  }

  return {
    open: (directory, name, flags, mode = 0) =>
      check(libc.openat(directory, first(name), flags | O.CLOEXEC, mode), 'openat', name),
    openBeneath(directory, path, flags, mode = 0) {
      howView.setBigUint64(0, BigInt(flags | O.CLOEXEC), true)
      howView.setBigUint64(8, BigInt(mode), true)
      howView.setBigUint64(16, BigInt(RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS), true)
      for (;;) {
        const fd = libc.openat2(SYSCALL.openat2, directory, first(path), howBuffer, howBuffer.length)
        // EAGAIN: a rename elsewhere raced with the walk beneath; the kernel asks to try again.
        if (fd >= 0 || libc.errno() !== ERRNO.EAGAIN) return check(fd, 'openat2', path)
      }
    },
    close: (fd) => void check(libc.close(fd), 'close'),
    read: (fd, into) => readFully(() => libc.read(fd, into, into.length), 'read'),
    readAt: (fd, into, position) => readFully(() => libc.pread(fd, into, into.length, position), 'pread'),
    writeAt(fd, bytes, position) {
      let done = 0
      while (done < bytes.length) {
        const rest = done === 0 ? bytes : bytes.subarray(done)
        done += readFully(() => libc.pwrite(fd, rest, rest.length, position + done), 'pwrite')
      }
    },
    seekData: (fd, position) => seek(fd, position, SEEK_DATA),
    seekHole: (fd, position) => seek(fd, position, SEEK_HOLE),
    truncate: (fd, sizeBytes) => void check(libc.ftruncate(fd, sizeBytes), 'ftruncate'),
    readDirectory(fd) {
      const entries: DirectoryEntry[] = []
      for (;;) {
        const length = check(
          libc.getdents64(SYSCALL.getdents64, fd, entryBuffer, entryBuffer.length),
          'getdents64',
        )
        if (length === 0) return entries
        parseDirectoryEntries(entryBuffer, length, entries)
      }
    },
    stat(directory, name) {
      const flags = name.length === 0 ? AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH : AT.SYMLINK_NOFOLLOW
      check(libc.statx(directory, first(name), flags, STATX_MASK, statBuffer), 'statx', name)
      return new FileStat(statWords)
    },
    find(directory, name) {
      if (libc.statx(directory, first(name), AT.SYMLINK_NOFOLLOW, STATX_MASK, statBuffer) === 0)
        return new FileStat(statWords)
      const errno = libc.errno()
      if (errno === ERRNO.ENOENT) return undefined
      throw new PosixError('statx', errno, shown(name))
    },
    statFd(fd) {
      check(libc.statx(fd, NOTHING, AT.EMPTY_PATH, STATX_MASK, statBuffer), 'statx')
      return new FileStat(statWords)
    },
    readLink(directory, name) {
      const length = check(
        libc.readlinkat(directory, first(name), linkBuffer, linkBuffer.length),
        'readlinkat',
        name,
      )
      return Buffer.from(linkBuffer.subarray(0, length))
    },
    makeDirectory: (directory, name, mode) =>
      void check(libc.mkdirat(directory, first(name), mode), 'mkdirat', name),
    symlink: (target, directory, name) =>
      void check(libc.symlinkat(second(target), directory, first(name)), 'symlinkat', name),
    link: (fromDirectory, fromName, directory, name) =>
      void check(libc.linkat(fromDirectory, second(fromName), directory, first(name), 0), 'linkat', name),
    linkDescriptor(fd, directory, name) {
      const from = second(descriptorPath(fd))
      check(libc.linkat(AT.FDCWD, from, directory, first(name), AT.SYMLINK_FOLLOW), 'linkat', name)
    },
    unlink: (directory, name) => void check(libc.unlinkat(directory, first(name), 0), 'unlinkat', name),
    removeDirectory: (directory, name) =>
      void check(libc.unlinkat(directory, first(name), AT.REMOVEDIR), 'unlinkat', name),
    rename(fromDirectory, fromName, directory, name, options) {
      const flags = options?.exclusive === true ? RENAME_NOREPLACE : 0
      const from = second(fromName)
      check(
        libc.renameat2(SYSCALL.renameat2, fromDirectory, from, directory, first(name), flags),
        'renameat2',
        name,
      )
    },
    makeFifo: (directory, name, mode) =>
      void check(libc.mkfifoat(directory, first(name), mode), 'mkfifoat', name),
    makeNode: (directory, name, mode, major, minor) =>
      void check(libc.mknodat(directory, first(name), mode, deviceNumber(major, minor)), 'mknodat', name),
    chown(directory, name, uid, gid) {
      const flags = name.length === 0 ? AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH : AT.SYMLINK_NOFOLLOW
      check(libc.fchownat(directory, first(name), uid, gid, flags), 'fchownat', name)
    },
    chmodFd: (fd, mode) => void check(libc.fchmod(fd, mode), 'fchmod'),
    chmodAt: (directory, name, mode) =>
      void check(libc.fchmodat(directory, first(name), mode, 0), 'fchmodat', name),
    chmodPath: (path, mode) => void check(libc.fchmodat(AT.FDCWD, first(path), mode, 0), 'fchmodat', path),
    setTimes(directory, name, atimeNs, mtimeNs) {
      putTimespecs(timeView, atimeNs, mtimeNs)
      check(libc.utimensat(directory, first(name), timeBuffer, AT.SYMLINK_NOFOLLOW), 'utimensat', name)
    },
    setTimesFd(fd, atimeNs, mtimeNs) {
      putTimespecs(timeView, atimeNs, mtimeNs)
      check(libc.futimens(fd, timeBuffer), 'futimens')
    },
    setInstantsFd(fd, atime, mtime) {
      putInstants(timeView, atime, mtime)
      check(libc.futimens(fd, timeBuffer), 'futimens')
    },
    setTimesPath(path, atimeNs, mtimeNs) {
      putTimespecs(timeView, atimeNs, mtimeNs)
      check(libc.utimensat(AT.FDCWD, first(path), timeBuffer, 0), 'utimensat', path)
    },
    listAttributesFd: (fd) =>
      names(check(libc.flistxattr(fd, valueBuffer, valueBuffer.length), 'flistxattr')),
    listAttributesAt: (path) =>
      names(check(libc.llistxattr(first(path), valueBuffer, valueBuffer.length), 'llistxattr', path)),
    getAttributeFd: (fd, name) =>
      value(libc.fgetxattr(fd, first(name), valueBuffer, valueBuffer.length), 'fgetxattr', name),
    getAttributeAt(path, name, options) {
      const call = options?.follow === true ? libc.getxattr : libc.lgetxattr
      return value(call(first(path), second(name), valueBuffer, valueBuffer.length), 'getxattr', name)
    },
    setAttributeFd: (fd, name, bytes) =>
      void check(
        libc.fsetxattr(fd, first(name), bytes.length === 0 ? NOTHING : bytes, bytes.length, 0),
        'fsetxattr',
        name,
      ),
    setAttributeAt(path, name, bytes, { follow }) {
      const call = follow ? libc.setxattr : libc.lsetxattr
      check(
        call(first(path), second(name), bytes.length === 0 ? NOTHING : bytes, bytes.length, 0),
        'setxattr',
        name,
      )
    },
    removeAttributeFd: (fd, name) => removed(libc.fremovexattr(fd, first(name)), 'fremovexattr', name),
    removeAttributeAt: (path, name) =>
      removed(libc.removexattr(first(path), second(name)), 'removexattr', name),
  }
}

/** A buffer that turns one name at a time into a C string. */
function scratch(): (bytes: Uint8Array) => Buffer {
  const buffer = Buffer.allocUnsafe(PATH_BYTES)
  return (bytes) => {
    if (bytes.length >= PATH_BYTES) throw new PosixError('path', ERRNO.ENAMETOOLONG, shown(bytes))
    if (bytes.includes(0)) throw new PosixError('path', ERRNO.EINVAL, shown(bytes))
    buffer.set(bytes)
    buffer[bytes.length] = 0
    return buffer
  }
}

/** The C library's `makedev` for what the kernel keeps: 12 bits of major, 20 bits of minor number. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x10_0000
}

function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
