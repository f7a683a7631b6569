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
export type WriterCalls = Pick<FastCalls, 'writeAt' | 'setInstantsFd' | 'chmodFd' | 'close'>

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
      const number = (index: number): number => numbers[at + index] as number
      const fd = number(1)
      switch (number(0)) {
        case OP.write:
          file.write(fd, memory.subarray(number(3), number(3) + number(4)), number(5))
          break
        case OP.finish:
          file.finish(
            fd,
            number(2),
            { seconds: number(3), nanos: number(5) },
            { seconds: number(4), nanos: number(6) },
            number(7),
          )
          break
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

  write(fd: number, bytes: Buffer, position: number): void {
    if (this.#errno === 0) this.#errno = attempt(() => this.#calls.writeAt(fd, bytes, position))
    if (this.#errno !== 0) this.#lostBytes += bytes.length
  }

  finish(fd: number, ticket: number, atime: Instant, mtime: Instant, mode: number): void {
    const tell = (stage: WriteStage, errno: number, lostBytes = 0): void => {
      if (errno !== 0) this.#failures.add({ ticket, stage, errno, lostBytes })
    }
    const isWritten = this.#errno === 0
    tell('write', this.#errno, this.#lostBytes)
    this.#errno = this.#lostBytes = 0
    if (isWritten) {
      tell(
        'times',
        attempt(() => this.#calls.setInstantsFd(fd, atime, mtime)),
      )
      tell(
        'mode',
        attempt(() => this.#calls.chmodFd(fd, mode)),
      )
    }
    const closed = attempt(() => this.#calls.close(fd))
    if (isWritten) tell('close', closed)
  }

  drop(fd: number): void {
    this.#errno = this.#lostBytes = 0
    attempt(() => this.#calls.close(fd))
  }
}

/** The errno of a call that fails, 0 for one that does not. */
function attempt(call: () => void): number {
  try {
    call()
    return 0
  } catch (error) {
    if (error instanceof PosixError) return error.errno
    throw error
  }
}

function nativeCalls(): WriterCalls {
  const libc = loadAddressedLibc()
  if (typeof libc !== 'string') return bindFastCalls(libc)
  throw new TypeError(`no extractor can have begun here: ${libc}`)
}
