import type { Instant } from '@nb/formats'
import type { FastCalls } from '../../posix/fast-calls.ts'
import { PosixError } from '../../posix/posix-error.ts'
import type { FailureTable, WriteStage } from './write-behind.ts'

/** The system calls of a writer. */
export type WriterCalls = Pick<FastCalls, 'writePartAt' | 'setInstantsFd' | 'chmodFd' | 'close'>

/**
 * The file whose operations come: they follow one another. One that fails is closed and told; it decides nothing.
 */
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
