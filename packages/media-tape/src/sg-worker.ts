// The entry of a thread that makes blocking system calls on a device: see sg/sg-thread.ts for its other end.
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { SgThreadCall } from './sg/sg-thread.ts'

/** The part of `koffi` that is used here; its own declarations want a resolved native build. */
interface Koffi {
  load(path: null): {
    func(prototype: string): (...args: readonly (number | bigint | Uint8Array | null)[]) => number
  }
  errno(): number
}

const koffi = createRequire(import.meta.url)('koffi') as Koffi
const libc = koffi.load(null)
const ioctl = libc.func('int ioctl(int, unsigned long, uintptr_t)')
blockSignals()

parentPort?.on('message', ({ fd, request, address }: SgThreadCall) => {
  const errno = ioctl(fd, request, address) < 0 ? koffi.errno() : 0
  parentPort?.postMessage(errno)
})

/**
 * A signal that interrupts SG_IO makes the kernel leave the command to itself and begin the call again: the command would run
 * twice. So signals go to the process's other threads. Those of a fault of this very thread stay with it.
 */
function blockSignals(): void {
  const SIG_BLOCK = 0
  const { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV } = constants.signals
  const set = Buffer.alloc(128, 0xff)
  for (const signal of [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV]) {
    const bit = signal - 1
    set[bit >> 3] = (set[bit >> 3] ?? 0) & ~(1 << (bit & 7))
  }
  const pthread_sigmask = libc.func('int pthread_sigmask(int, const uint8_t *, void *)')
  const errno = pthread_sigmask(SIG_BLOCK, set, null)
  if (errno !== 0) throw new Error(`signals are not blocked: errno ${errno}`)
}
