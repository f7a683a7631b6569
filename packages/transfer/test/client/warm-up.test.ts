import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import t from 'tap'
import type { ReadCalls } from '../../src/client/read-calls.ts'
import { warmUp } from '../../src/client/warm-up.ts'
import { loadNativeReadCalls } from '../../src/posix/native-read-calls.ts'
import { freshDirectory } from './fresh-directory.ts'

const native = loadNativeReadCalls()
const skip = typeof native === 'string' ? `SKIPPED: ${native}` : false

/** The calls, counted. */
function counted(calls: ReadCalls): { readonly calls: ReadCalls; readonly counts: Record<string, number> } {
  const counts = { statEntry: 0, readInto: 0, readLink: 0, opened: 0 }
  return {
    counts,
    calls: {
      ...calls,
      statEntry: (...args) => (counts.statEntry++, calls.statEntry(...args)),
      readInto: (...args) => (counts.readInto++, calls.readInto(...args)),
      readLink: (...args) => (counts.readLink++, calls.readLink(...args)),
      open: (...args) => (counts.opened++, calls.open(...args)),
      close: (fd) => (counts.opened--, calls.close(fd)),
    },
  }
}

t.test(
  'a directory is read some thousand entries long, step by step, without a look into its files',
  { skip },
  (t) => {
    const directory = freshDirectory(t)
    for (let number = 0; number < 80; number++) writeFileSync(join(directory, `f${number}`), 'content')
    mkdirSync(join(directory, 'd'))
    symlinkSync('f1', join(directory, 'd', 'link'))
    const { calls, counts } = counted(native as ReadCalls)
    const steps = [...warmUp(calls, systemClock(), directory)].length
    t.equal(steps, Math.ceil(20_000 / 83))
    t.strictSame(counts, { statEntry: 82 * (steps + 1), readInto: 0, readLink: steps + 1, opened: 0 })
    t.end()
  },
)

t.test('a directory that is too big or not there is left alone', { skip }, (t) => {
  const big = freshDirectory(t)
  for (let number = 0; number < 1000; number++) writeFileSync(join(big, `f${number}`), '')
  for (const directory of [big, join(big, 'none'), join(big, 'f1', 'below')]) {
    const { calls, counts } = counted(native as ReadCalls)
    t.strictSame([...warmUp(calls, systemClock(), directory)], [])
    t.equal(counts['opened'], 0)
  }
  t.end()
})
