import type { Instant } from '@nb/formats'
import { openBlockPipe, type BlockPipe, type SharedPipe } from '../block-pipe.ts'

/** What an extractor and its writer share: what is to be done, and what failed. */
export interface SharedWriteBehind {
  readonly ops: SharedPipe
  readonly failures: SharedArrayBuffer
}

/** Writes open files later than it is told, in order. */
export type WritesBehind = Pick<
  WriteBehind,
  'isBusy' | 'takes' | 'write' | 'finish' | 'drop' | 'release' | 'hurry' | 'settle' | 'end' | 'takeFailures'
>

/** What failed with an open file, and what of it was not done. */
export interface WriteFailure {
  /** What the extractor calls the file. */
  readonly ticket: number
  readonly stage: WriteStage
  readonly errno: number
  /** Bytes that were not written. */
  readonly lostBytes: number
}

/** What a writer does with a file, in this order. */
export type WriteStage = 'write' | 'times' | 'mode' | 'close'

/** @internal Shared with the writer. */
export const OP = { write: 1, finish: 2, drop: 3, release: 4 } as const
/** @internal Numbers of one operation: what, descriptor, ticket and five of its own. */
export const OP_NUMBERS = 8
/** @internal Stages by number. */
export const STAGES: readonly WriteStage[] = ['write', 'times', 'mode', 'close']
/** @internal Numbers of one failure. */
export const FAILURE_NUMBERS = 4
/** @internal Where the failures begin: behind their count. */
export const FAILURES_AT = 8

/** Operations of one block, and blocks: so many files at most are open at once. */
export const OPS_PER_BLOCK = 32
export const OP_BLOCKS = 32
/** Of these blocks so many keep a writer busy while its teller does a file. */
const BUSY_BLOCKS = 12
const OP_BYTES = OP_NUMBERS * Float64Array.BYTES_PER_ELEMENT
export const OP_BLOCK_BYTES: number = OPS_PER_BLOCK * OP_BYTES
/** The extractor looks at them after every block, so no more can have come. */
const MOST_FAILURES = 4 * OPS_PER_BLOCK * OP_BLOCKS

/** Memory for the failures of a writer. */
export function makeFailureTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(FAILURES_AT + MOST_FAILURES * FAILURE_NUMBERS * Float64Array.BYTES_PER_ELEMENT)
}

/**
 * The extractor's end of a thread that writes behind it: the data of open files, their times and mode, and closes them, all in the order
 * it is told. What is told is done later, when the extractor is elsewhere; what fails then is asked for.
 */
export class WriteBehind {
  readonly #ops: BlockPipe
  readonly #memory: ArrayBufferLike
  readonly #count: Int32Array
  readonly #failures: Float64Array
  #block: Float64Array | undefined
  #fill = 0
  #seen = 0

  /** @param data - the memory that all chunks lie in */
  constructor(shared: SharedWriteBehind, data: SharedArrayBuffer) {
    this.#ops = openBlockPipe(shared.ops)
    this.#memory = data
    this.#count = new Int32Array(shared.failures, 0, 1)
    this.#failures = new Float64Array(shared.failures, FAILURES_AT)
  }

  /** Whether it has so much to do that its teller may as well do the next file itself. */
  get isBusy(): boolean {
    return this.#ops.published >= BUSY_BLOCKS
  }

  /** Whether pieces of these bytes can be written behind. */
  takes(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#memory
  }

  /** Writes the piece from `start` to `end` of some bytes, which stay as they are until {@link release}. */
  write(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void {
    this.#put(OP.write, fd, 0, bytes.byteOffset + start, end - start, position, 0, 0)
  }

  /** Sets times and mode of a file and closes it; one that could not be written is only closed. */
  finish(fd: number, ticket: number, atime: Instant, mtime: Instant, mode: number): void {
    // Times and mode share the last number: nanoseconds take 30 bits, a mode 12.
    this.#put(OP.finish, fd, ticket, atime.seconds, mtime.seconds, atime.nanos, mtime.nanos, mode)
  }

  /** Closes a file that is given up. */
  drop(fd: number): void {
    this.#put(OP.drop, fd, 0, 0, 0, 0, 0, 0)
  }

  /** Gives the block of the data pipe back once all that was told before is done. */
  release(): void {
    this.#put(OP.release, 0, 0, 0, 0, 0, 0, 0)
    this.#publish()
  }

  /** What was told is to be done now: more may not come for long. */
  hurry(): void {
    this.#publish()
    this.#ops.wake()
  }

  /** Waits until all is done. */
  settle(): void {
    this.hurry()
    this.#ops.drainSync()
  }

  /** Lets the writer end, once it has done all. */
  end(): void {
    this.settle()
    this.#ops.end()
  }

  /** What has failed since the last time. */
  takeFailures(): readonly WriteFailure[] {
    const count = Atomics.load(this.#count, 0)
    if (count === this.#seen) return NONE
    const found: WriteFailure[] = []
    for (; this.#seen < count; this.#seen++) {
      const at = (this.#seen % MOST_FAILURES) * FAILURE_NUMBERS
      const [ticket = 0, stage = 0, errno = 0, lostBytes = 0] = this.#failures.subarray(
        at,
        at + FAILURE_NUMBERS,
      )
      found.push({ ticket, stage: STAGES[stage] ?? 'write', errno, lostBytes })
    }
    return found
  }

  #put(op: number, fd: number, ticket: number, a: number, b: number, c: number, d: number, e: number): void {
    if (this.#block === undefined) {
      const bytes = this.#ops.claimSync()
      this.#block = new Float64Array(bytes.buffer, bytes.byteOffset, OPS_PER_BLOCK * OP_NUMBERS)
    }
    const block = this.#block
    let at = this.#fill
    block[at++] = op
    block[at++] = fd
    block[at++] = ticket
    block[at++] = a
    block[at++] = b
    block[at++] = c
    block[at++] = d
    block[at++] = e
    this.#fill = at
    if (at === OPS_PER_BLOCK * OP_NUMBERS) this.#publish()
  }

  #publish(): void {
    if (this.#fill === 0) return
    // Waking a thread takes longer than writing a file.
    this.#ops.publish(this.#fill * Float64Array.BYTES_PER_ELEMENT, true)
    this.#block = undefined
    this.#fill = 0
  }
}

const NONE: readonly WriteFailure[] = []

/** @internal The writer's end of the failures. */
export class FailureTable {
  readonly #count: Int32Array
  readonly #failures: Float64Array

  constructor(shared: SharedArrayBuffer) {
    this.#count = new Int32Array(shared, 0, 1)
    this.#failures = new Float64Array(shared, FAILURES_AT)
  }

  add({ ticket, stage, errno, lostBytes }: WriteFailure): void {
    const at = (Atomics.load(this.#count, 0) % MOST_FAILURES) * FAILURE_NUMBERS
    this.#failures.set([ticket, STAGES.indexOf(stage), errno, lostBytes], at)
    Atomics.add(this.#count, 0, 1)
  }
}
