// Loads little: a thread for it is started in the midst of a restore.
import { bindFastCalls } from '../../posix/fast-calls.ts'
import { loadAddressedLibc } from '../../posix/libc.ts'
import { openBlockPipe, type SharedPipe } from '../block-pipe.ts'
import { FailureTable, OP, OP_NUMBERS, type SharedWriteBehind } from './write-behind.ts'
import { WrittenFile, type WriterCalls } from './written-file.ts'

/** What a writer thread is started with. */
export interface WriterInput extends SharedWriteBehind {
  /** The extractor's data pipe, whose blocks are given back when they are written. */
  readonly data: SharedPipe
}

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

function nativeCalls(): WriterCalls {
  const libc = loadAddressedLibc()
  if (typeof libc !== 'string') return bindFastCalls(libc)
  throw new TypeError(`no extractor can have begun here: ${libc}`)
}
