import type { ImageRecord, JobAttempt } from '@nb/contracts'
import t from 'tap'
import { expectedBytes, inSteps } from '../src/expected-bytes.ts'
import type { JobRecord } from '../src/job-record.ts'

const GiB = 2 ** 30
const image = (streamBytes: number) =>
  ({ counts: { streamBytes }, copies: [] as never }) as unknown as ImageRecord
const tried = (status: number, bytes: number) => ({ status, bytes }) as JobAttempt
const of = (tries: readonly JobAttempt[], checkpointBytes?: number) =>
  ({
    tries,
    checkpoint: checkpointBytes === undefined ? undefined : { streamBytes: checkpointBytes },
  }) as Pick<JobRecord, 'tries' | 'checkpoint'>

t.test('a backup is expected to be as large as the last of its kind, in steps', async (t) => {
  t.equal(expectedBytes(of([]), image(10 * GiB)), 10 * GiB)
  t.equal(expectedBytes(of([]), image(10 * GiB + 1)), 12 * GiB)
  t.equal(expectedBytes(of([]), undefined), undefined)
  const compressed = {
    ...image(10 * GiB),
    copies: [{ fragments: [{ streamBytes: 10 * GiB, storedBytes: 3 * GiB }] }],
  }
  t.equal(
    expectedBytes(of([]), compressed as unknown as ImageRecord),
    3 * GiB,
    'by what it took on its medium',
  )
  t.equal(expectedBytes(of([]), {} as ImageRecord), undefined)
})

t.test('a try that found no room says that more is needed; others say nothing', async (t) => {
  t.equal(expectedBytes(of([tried(129, 10 * GiB), tried(41, 90 * GiB)]), image(GiB)), 12 * GiB)
})

t.test('what a checkpoint keeps need not be written again', async (t) => {
  t.equal(expectedBytes(of([], 6 * GiB), image(10 * GiB)), 4 * GiB)
  t.equal(expectedBytes(of([], 20 * GiB), image(10 * GiB)), 2 ** 20, 'at least a little')
})

t.test('steps are a quarter apart at most, and never below', async (t) => {
  for (let bytes = 1; bytes < 2 ** 50; bytes = Math.ceil(bytes * 1.37)) {
    const step = inSteps(bytes)
    t.ok(step >= bytes && (step === 2 ** 20 || step <= bytes * 1.25), String(bytes))
  }
})
