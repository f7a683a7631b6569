import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'

type Call<A extends readonly (number | Uint8Array)[]> = (...args: A) => number

/**
 * The C library's functions, bound as they are: `-1` and {@link Libc.errno} on failure. Byte arguments are
 * passed by address, so they may lie in shared memory and are read or filled in place.
 */
export interface Libc {
  readonly errno: () => number
  readonly openat: Call<[number, Uint8Array, number, number]>
  readonly openat2: Call<[number, number, Uint8Array, Uint8Array, number]>
  readonly close: Call<[number]>
  readonly read: Call<[number, Uint8Array, number]>
  readonly pread: Call<[number, Uint8Array, number, number]>
  readonly pwrite: Call<[number, Uint8Array, number, number]>
  readonly lseek: Call<[number, number, number]>
  readonly ftruncate: Call<[number, number]>
  readonly getdents64: Call<[number, number, Uint8Array, number]>
  readonly statx: Call<[number, Uint8Array, number, number, Uint8Array]>
  readonly readlinkat: Call<[number, Uint8Array, Uint8Array, number]>
  readonly mkdirat: Call<[number, Uint8Array, number]>
  readonly symlinkat: Call<[Uint8Array, number, Uint8Array]>
  readonly linkat: Call<[number, Uint8Array, number, Uint8Array, number]>
  readonly unlinkat: Call<[number, Uint8Array, number]>
  readonly renameat2: Call<[number, number, Uint8Array, number, Uint8Array, number]>
  readonly mknodat: Call<[number, Uint8Array, number, number]>
  readonly mkfifoat: Call<[number, Uint8Array, number]>
  readonly fchownat: Call<[number, Uint8Array, number, number, number]>
  readonly fchmod: Call<[number, number]>
  readonly fchmodat: Call<[number, Uint8Array, number, number]>
  readonly utimensat: Call<[number, Uint8Array, Uint8Array, number]>
  readonly futimens: Call<[number, Uint8Array]>
  readonly listxattr: Call<[Uint8Array, Uint8Array, number]>
  readonly llistxattr: Call<[Uint8Array, Uint8Array, number]>
  readonly flistxattr: Call<[number, Uint8Array, number]>
  readonly lgetxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number]>
  readonly getxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number]>
  readonly fgetxattr: Call<[number, Uint8Array, Uint8Array, number]>
  readonly setxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number, number]>
  readonly lsetxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number, number]>
  readonly fsetxattr: Call<[number, Uint8Array, Uint8Array, number, number]>
  readonly removexattr: Call<[Uint8Array, Uint8Array]>
  readonly fremovexattr: Call<[number, Uint8Array]>
}

/** The parts of `koffi` that are used; its own declarations want a resolved native build. */
interface Koffi {
  load(path: string | null): { func(prototype: string): unknown }
  errno(): number
  address(bytes: Uint8Array): bigint
}

const prototypes: Record<Exclude<keyof Libc, 'errno'>, string> = {
  openat: 'int openat(int, const uint8_t *, int, unsigned int)',
  openat2: 'long syscall(long, int, const uint8_t *, const uint8_t *, size_t)',
  close: 'int close(int)',
  read: 'int64_t read(int, void *, size_t)',
  pread: 'int64_t pread64(int, void *, size_t, int64_t)',
  pwrite: 'int64_t pwrite64(int, const uint8_t *, size_t, int64_t)',
  lseek: 'int64_t lseek64(int, int64_t, int)',
  ftruncate: 'int ftruncate64(int, int64_t)',
  getdents64: 'long syscall(long, int, void *, size_t)',
  statx: 'int statx(int, const uint8_t *, int, unsigned int, void *)',
  readlinkat: 'int64_t readlinkat(int, const uint8_t *, void *, size_t)',
  mkdirat: 'int mkdirat(int, const uint8_t *, unsigned int)',
  symlinkat: 'int symlinkat(const uint8_t *, int, const uint8_t *)',
  linkat: 'int linkat(int, const uint8_t *, int, const uint8_t *, int)',
  unlinkat: 'int unlinkat(int, const uint8_t *, int)',
  renameat2: 'long syscall(long, int, const uint8_t *, int, const uint8_t *, unsigned int)',
  mknodat: 'int mknodat(int, const uint8_t *, unsigned int, uint64_t)',
  mkfifoat: 'int mkfifoat(int, const uint8_t *, unsigned int)',
  fchownat: 'int fchownat(int, const uint8_t *, unsigned int, unsigned int, int)',
  fchmod: 'int fchmod(int, unsigned int)',
  fchmodat: 'int fchmodat(int, const uint8_t *, unsigned int, int)',
  utimensat: 'int utimensat(int, const uint8_t *, const uint8_t *, int)',
  futimens: 'int futimens(int, const uint8_t *)',
  listxattr: 'int64_t listxattr(const uint8_t *, void *, size_t)',
  llistxattr: 'int64_t llistxattr(const uint8_t *, void *, size_t)',
  flistxattr: 'int64_t flistxattr(int, void *, size_t)',
  lgetxattr: 'int64_t lgetxattr(const uint8_t *, const uint8_t *, void *, size_t)',
  getxattr: 'int64_t getxattr(const uint8_t *, const uint8_t *, void *, size_t)',
  fgetxattr: 'int64_t fgetxattr(int, const uint8_t *, void *, size_t)',
  setxattr: 'int setxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)',
  lsetxattr: 'int lsetxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)',
  fsetxattr: 'int fsetxattr(int, const uint8_t *, const uint8_t *, size_t, int)',
  removexattr: 'int removexattr(const uint8_t *, const uint8_t *)',
  fremovexattr: 'int fremovexattr(int, const uint8_t *)',
}

/**
 * The calls that are made for every file of a tree, bound with addresses as plain numbers: the conversion of a byte
 * argument costs as much as some of the calls.
 */
export interface AddressedLibc {
  readonly errno: () => number
  /** Where bytes lie; valid for as long as they do. */
  readonly address: (bytes: Uint8Array) => number
  readonly openat: Call<[number, number, number, number]>
  readonly close: Call<[number]>
  readonly pread: Call<[number, number, number, number]>
  readonly pwrite: Call<[number, number, number, number]>
  readonly futimens: Call<[number, number]>
  readonly fchmod: Call<[number, number]>
  readonly statx: Call<[number, number, number, number, number]>
  readonly getdents64: Call<[number, number, number, number]>
  readonly flistxattr: Call<[number, number, number]>
}

const addressed: Record<Exclude<keyof AddressedLibc, 'errno' | 'address'>, string> = {
  openat: 'int openat(int, uintptr_t, int, unsigned int)',
  close: 'int close(int)',
  pread: 'int64_t pread64(int, uintptr_t, size_t, int64_t)',
  pwrite: 'int64_t pwrite64(int, uintptr_t, size_t, int64_t)',
  futimens: 'int futimens(int, uintptr_t)',
  fchmod: 'int fchmod(int, unsigned int)',
  statx: 'int statx(int, uintptr_t, int, unsigned int, uintptr_t)',
  getdents64: 'long syscall(long, int, uintptr_t, size_t)',
  flistxattr: 'int64_t flistxattr(int, uintptr_t, size_t)',
}

/**
 * Binds the C library through `koffi`, at the first call only.
 *
 * @returns why it cannot be had, as a sentence, where the platform is none of Linux x64 and arm64 or `koffi`
 *   has no build for it.
 */
export function loadLibc(): Libc | string {
  return bind<Libc>(prototypes, () => ({}))
}

/** The same for {@link AddressedLibc}. */
export function loadAddressedLibc(): AddressedLibc | string {
  return bind<AddressedLibc>(addressed, (koffi) => ({
    address: (bytes: Uint8Array) => Number(koffi.address(bytes)),
  }))
}

function bind<Bound>(
  functions: Readonly<Record<string, string>>,
  others: (koffi: Koffi) => Record<string, unknown>,
): Bound | string {
  if (platform() !== 'linux' || (arch() !== 'x64' && arch() !== 'arm64')) {
    return `system calls are bound for linux on x64 and arm64, not for ${platform()} on ${arch()}`
  }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi
    const library = koffi.load(null)
    const bound: Record<string, unknown> = { errno: () => koffi.errno(), ...others(koffi) }
    for (const [name, prototype] of Object.entries(functions)) bound[name] = library.func(prototype)
    return bound as Bound
  } catch (error) {
    return `koffi cannot reach the C library: ${error instanceof Error ? error.message : String(error)}`
  }
}
