import type { Instant } from '@nb/formats'
import { NAME_BYTES, type NamedCalls, bindNamedCalls, blockAddresses } from './addressed-memory.ts'
import { ERRNO } from './constants.ts'
import type { AddressedLibc } from './libc.ts'
import { PosixError } from './posix-error.ts'
import { putInstants, TIMESPECS_BYTES } from './timespecs.ts'

/** The calls that a restore makes for every file, with addresses: converting their byte arguments costs as much as the calls. */
export interface FastCalls extends Omit<NamedCalls, 'put'> {
  writeAt(fd: number, bytes: Uint8Array, position: number): void
  /** The same for the part from `start` to `end` of some bytes, of which many parts are written one after the other. */
  writePartAt(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void
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
  const { open, tryOpen, close } = bindNamedCalls(libc, name, nameAddress)
  const addressOf = blockAddresses(libc)
  let whole: Uint8Array | undefined
  let wholeAddress = 0

  function write(fd: number, address: number, length: number, position: number): void {
    for (let done = 0; done < length;) {
      const count = libc.pwrite(fd, address + done, length - done, position + done)
      if (count >= 0) done += count
      else if (libc.errno() !== ERRNO.EINTR) throw new PosixError('pwrite', libc.errno())
    }
  }

  function writeAt(fd: number, bytes: Uint8Array, position: number): void {
    const address = addressOf(bytes)
    if (address !== undefined) write(fd, address, bytes.length, position)
    else if (slow === undefined) throw new RangeError('bytes this few may be moved')
    else slow.writeAt(fd, bytes, position)
  }

  return {
    open,
    tryOpen,
    close,
    writeAt,
    writePartAt(fd, bytes, start, end, position) {
      if (bytes !== whole) {
        const address = addressOf(bytes)
        if (address === undefined) {
          writeAt(fd, bytes.subarray(start, end), position)
          return
        }
        whole = bytes
        wholeAddress = address
      }
      write(fd, wholeAddress + start, end - start, position)
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
