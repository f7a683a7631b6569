// Loads little: a thread for it is started in the midst of a restore.
import { bindFastCalls, type FastCalls } from '../../posix/fast-calls.ts'
import { loadAddressedLibc } from '../../posix/libc.ts'
import { PosixError } from '../../posix/posix-error.ts'
import type { Instant } from '@nb/formats'
import { openBlockPipe, type SharedPipe } from '../block-pipe.ts'
import { FailureTable, OP, OP_NUMBERS, type SharedWriteBehind, type WriteStage } from './write-behind.ts'

/** What a writer thread is started with. */
export interface WriterInput extends SharedWriteBehind {
  /** The extractor's data pipe, whose blocks are given back when they are written. */
  readonly data: SharedPipe
}

/** The system calls of a writer. */
export type WriterCalls = Pick<FastCalls, 'writePartAt' | 'setInstantsFd' | 'chmodFd' | 'close'>

/**
 * Does what an extractor tells by its `WriteBehind`, until the extractor ends. A file that fails is closed and told; the others
 * go on. It decides nothing.
 */
export function runWriter(input: WriterInput, calls: WriterCalls = nativeCalls()): void {
  const ops = openBlockPipe(input.ops)
  const data = openBlockPipe(input.data)
  const memory = Buffer.from(input.data.data)
  const file = new WrittenFile(calls, new FailureTable(input.failures))
  for (let bytes = ops.takeSync(); bytes !== undefined; bytes = ops.takeSync()) {
    const numbers = new Float64Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length / Float64Array.BYTES_PER_ELEMENT,
    )
    for (let at = 0; at < numbers.length; at += OP_NUMBERS) {
      const fd = numbers[at + 1] as number
      const a = numbers[at + 3] as number
      const b = numbers[at + 4] as number
      const c = numbers[at + 5] as number
      switch (numbers[at]) {
        case OP.write:
          file.write(fd, memory, a, a + b, c)
          break
        case OP.finish: {
          const atime = { seconds: a, nanos: c }
          const mtime = { seconds: b, nanos: numbers[at + 6] as number }
          file.finish(fd, numbers[at + 2] as number, atime, mtime, numbers[at + 7] as number)
          break
        }
        case OP.drop:
          file.drop(fd)
          break
        default:
          data.release()
      }
    }
    ops.release()
  }
}

/** The file whose operations come: they follow one another. */
export class WrittenFile {
  readonly #calls: WriterCalls
  readonly #failures: Pick<FailureTable, 'add'>
  /** Why it could not be written, 0 for none. */
  #errno = 0
  #lostBytes = 0

  constructor(calls: WriterCalls, failures: Pick<FailureTable, 'add'>) {
    this.#calls = calls
    this.#failures = failures
  }

  /** Writes the part from `start` to `end` of some bytes. */
  write(fd: number, bytes: Buffer, start: number, end: number, position: number): void {
    if (this.#errno === 0) {
      try {
        this.#calls.writePartAt(fd, bytes, start, end, position)
      } catch (error) {
        this.#errno = errnoOf(error)
      }
    }
    if (this.#errno !== 0) this.#lostBytes += end - start
  }

  finish(fd: number, ticket: number, atime: Instant, mtime: Instant, mode: number): void {
    if (this.#errno !== 0) {
      this.#failures.add({ ticket, stage: 'write', errno: this.#errno, lostBytes: this.#lostBytes })
      this.drop(fd)
      return
    }
    try {
      this.#calls.setInstantsFd(fd, atime, mtime)
    } catch (error) {
      this.#tell(ticket, 'times', error)
    }
    try {
      this.#calls.chmodFd(fd, mode)
    } catch (error) {
      this.#tell(ticket, 'mode', error)
    }
    try {
      this.#calls.close(fd)
    } catch (error) {
      this.#tell(ticket, 'close', error)
    }
  }

  drop(fd: number): void {
    this.#errno = this.#lostBytes = 0
    try {
      this.#calls.close(fd)
    } catch (error) {
      // It is given up anyway.
      errnoOf(error)
    }
  }

  #tell(ticket: number, stage: WriteStage, error: unknown): void {
    this.#failures.add({ ticket, stage, errno: errnoOf(error), lostBytes: 0 })
  }
}

/** The errno of a call that has failed. Throws what is no failed call. */
function errnoOf(error: unknown): number {
  if (error instanceof PosixError) return error.errno
  throw error
}

function nativeCalls(): WriterCalls {
  const libc = loadAddressedLibc()
  if (typeof libc !== 'string') return bindFastCalls(libc)
  throw new TypeError(`no extractor can have begun here: ${libc}`)
}
