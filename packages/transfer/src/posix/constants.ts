import { arch, constants } from 'node:os'

/** Numbers of `open(2)` flags; the ones that differ by architecture are chosen for this machine. */
export interface OpenFlags {
  readonly RDONLY: number
  readonly WRONLY: number
  readonly RDWR: number
  readonly CREAT: number
  readonly EXCL: number
  readonly NONBLOCK: number
  readonly DIRECTORY: number
  readonly NOFOLLOW: number
  readonly NOATIME: number
  readonly CLOEXEC: number
  readonly PATH: number
}

// asm-generic/fcntl.h against arch/arm64/include/uapi/asm/fcntl.h: arm64 swaps DIRECTORY and NOFOLLOW
// with DIRECT and LARGEFILE.
const isArm64 = arch() === 'arm64'

/** `O_…` flags of `open(2)`. */
export const O: OpenFlags = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NONBLOCK: 0o4000,
  DIRECTORY: isArm64 ? 0o40000 : 0o200000,
  NOFOLLOW: isArm64 ? 0o100000 : 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
}

/** Numbers of system calls that the C library does not wrap. */
export const SYSCALL: { readonly getdents64: number; readonly openat2: number; readonly renameat2: number } =
  {
    getdents64: isArm64 ? 61 : 217,
    openat2: 437,
    renameat2: isArm64 ? 276 : 316,
  }

/** `AT_…` values of the `…at` calls. */
export const AT: {
  readonly FDCWD: number
  readonly SYMLINK_NOFOLLOW: number
  readonly REMOVEDIR: number
  readonly SYMLINK_FOLLOW: number
  readonly EMPTY_PATH: number
} = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, REMOVEDIR: 0x200, SYMLINK_FOLLOW: 0x400, EMPTY_PATH: 0x1000 }

/** `RESOLVE_…` bits of `openat2(2)`. */
export const RESOLVE: {
  readonly NO_MAGICLINKS: number
  readonly NO_SYMLINKS: number
  readonly BENEATH: number
} = {
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  BENEATH: 0x08,
}

/** File type bits of `st_mode`. */
export const S_IF: {
  readonly MASK: number
  readonly FIFO: number
  readonly CHAR: number
  readonly DIRECTORY: number
  readonly BLOCK: number
  readonly REGULAR: number
  readonly SYMLINK: number
  readonly SOCKET: number
} = {
  MASK: 0o170000,
  FIFO: 0o010000,
  CHAR: 0o020000,
  DIRECTORY: 0o040000,
  BLOCK: 0o060000,
  REGULAR: 0o100000,
  SYMLINK: 0o120000,
  SOCKET: 0o140000,
}

/** Errno values that callers decide on. */
export const ERRNO: {
  readonly ENOENT: number
  readonly ENXIO: number
  readonly ENODATA: number
  readonly ERANGE: number
  readonly ENOSYS: number
  readonly EAGAIN: number
  readonly EINTR: number
  readonly EINVAL: number
  readonly ENAMETOOLONG: number
} = {
  ENOENT: constants.errno.ENOENT,
  ENXIO: constants.errno.ENXIO,
  ENODATA: constants.errno.ENODATA,
  ERANGE: constants.errno.ERANGE,
  ENOSYS: constants.errno.ENOSYS,
  EAGAIN: constants.errno.EAGAIN,
  EINTR: constants.errno.EINTR,
  EINVAL: constants.errno.EINVAL,
  ENAMETOOLONG: constants.errno.ENAMETOOLONG,
}
