import type { Instant } from '@nb/formats'
import { ERRNO, O } from './constants.ts'
import type { AddressedLibc } from './libc.ts'
import { PosixError } from './posix-error.ts'
import { putInstants, TIMESPECS_BYTES } from './timespecs.ts'

const NAME_BYTES = 4096
/** Far above what the engine keeps in its heap (64 bytes). */
const NEVER_MOVED_BYTES = 1024

/** The calls that a restore makes for every file, with addresses: converting their byte arguments costs as much as the calls. */
export interface FastCalls {
  open(directory: number, name: Uint8Array, flags: number, mode?: number): number
  close(fd: number): void
  writeAt(fd: number, bytes: Uint8Array, position: number): void
  chmodFd(fd: number, mode: number): void
  setInstantsFd(fd: number, atime: Instant, mtime: Instant): void
}

/**
 * Binds them.
 *
 * @param slow - writes bytes that lie where they may be moved
 */
export function bindFastCalls(libc: AddressedLibc, slow?: Pick<FastCalls, 'writeAt'>): FastCalls {
  // Outside the garbage collector's heap, where nothing is moved.
  const memory = new ArrayBuffer(NAME_BYTES + TIMESPECS_BYTES)
  const nameAddress = libc.address(new Uint8Array(memory))
  const timesAddress = nameAddress + NAME_BYTES
  const name = new Uint8Array(memory, 0, NAME_BYTES)
  const times = new DataView(memory, NAME_BYTES, TIMESPECS_BYTES)
  const blocks: { memory: ArrayBufferLike; address: number } = { memory, address: nameAddress }

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
    open(directory, bytes, flags, mode = 0) {
      put(bytes)
      const fd = libc.openat(directory, nameAddress, flags | O.CLOEXEC, mode)
      if (fd < 0) throw new PosixError('openat', libc.errno(), shown(bytes))
      return fd
    },
    close(fd) {
      if (libc.close(fd) < 0) throw new PosixError('close', libc.errno())
    },
    writeAt(fd, bytes, position) {
      const { buffer, byteOffset, length } = bytes
      if (buffer !== blocks.memory) {
        if (buffer.byteLength < NEVER_MOVED_BYTES) {
          if (slow === undefined) throw new RangeError('bytes this few may be moved')
          slow.writeAt(fd, bytes, position)
          return
        }
        // The blocks of a stream lie in one piece of memory.
        blocks.memory = buffer
        blocks.address = libc.address(new Uint8Array(buffer))
      }
      for (let done = 0; done < length;) {
        const count = libc.pwrite(fd, blocks.address + byteOffset + done, length - done, position + done)
        if (count >= 0) done += count
        else if (libc.errno() !== ERRNO.EINTR) throw new PosixError('pwrite', libc.errno())
      }
    },
    chmodFd(fd, mode) {
      if (libc.fchmod(fd, mode) < 0) throw new PosixError('fchmod', libc.errno())
    },
    setInstantsFd(fd: number, atime: Instant, mtime: Instant) {
      putInstants(times, atime, mtime)
      if (libc.futimens(fd, timesAddress) < 0) throw new PosixError('futimens', libc.errno())
    },
  }
}

function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
