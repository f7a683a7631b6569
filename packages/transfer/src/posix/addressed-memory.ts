import { ERRNO, O } from './constants.ts'
import type { AddressedLibc } from './libc.ts'
import { PosixError } from './posix-error.ts'

/** Room for a name or path and the zero behind it. */
export const NAME_BYTES = 4096

/** Far above what the engine keeps in its heap (64 bytes). */
const NEVER_MOVED_BYTES = 1024

/** The calls by name and descriptor that readers and writers of files have alike. */
export interface NamedCalls {
  /** Puts a name where the calls find it. */
  readonly put: (bytes: Uint8Array) => void
  readonly open: (directory: number, name: Uint8Array, flags: number, mode?: number) => number
  /** As `open`, of a name that is a part of some bytes; less than 0 where it can't be opened, for whatever reason. */
  readonly tryOpen: (
    directory: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flags: number,
    mode: number,
  ) => number
  readonly close: (fd: number) => void
}

/**
 * Binds them to a place for names.
 *
 * @param name - of {@link NAME_BYTES}, in memory that is never moved
 * @param address - where that is
 */
export function bindNamedCalls(libc: AddressedLibc, name: Uint8Array, address: number): NamedCalls {
  function put(bytes: Uint8Array): void {
    const { length } = bytes
    if (length >= NAME_BYTES) throw new PosixError('path', ERRNO.ENAMETOOLONG, shown(bytes))
    for (let index = 0; index < length; index++) {
      const byte = bytes[index] as number
      if (byte === 0) throw new PosixError('path', ERRNO.EINVAL, shown(bytes))
      name[index] = byte
    }
    name[length] = 0
  }
  return {
    put,
    open(directory, bytes, flags, mode = 0) {
      put(bytes)
      const fd = libc.openat(directory, address, flags | O.CLOEXEC, mode)
      if (fd < 0) throw new PosixError('openat', libc.errno(), shown(bytes))
      return fd
    },
    tryOpen(directory, bytes, start, end, flags, mode) {
      if (end - start >= NAME_BYTES) return -1
      let to = 0
      for (let from = start; from < end; from++) {
        const byte = bytes[from] as number
        if (byte === 0) return -1
        name[to++] = byte
      }
      name[to] = 0
      return libc.openat(directory, address, flags | O.CLOEXEC, mode)
    },
    close(fd) {
      if (libc.close(fd) < 0) throw new PosixError('close', libc.errno())
    },
  }
}

/**
 * Tells where bytes lie, `undefined` for memory so small that it may be moved. The blocks of a stream lie in one piece of memory, whose
 * address is asked for once.
 */
export function blockAddresses(libc: AddressedLibc): (bytes: Uint8Array) => number | undefined {
  const blocks: { memory: ArrayBufferLike | undefined; address: number } = { memory: undefined, address: 0 }
  return (bytes) => {
    const { buffer, byteOffset } = bytes
    if (buffer !== blocks.memory) {
      if (buffer.byteLength < NEVER_MOVED_BYTES) return undefined
      blocks.memory = buffer
      blocks.address = libc.address(new Uint8Array(buffer))
    }
    return blocks.address + byteOffset
  }
}

/** A name for a message. */
export function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
