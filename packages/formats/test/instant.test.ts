import fc from 'fast-check'
import t from 'tap'
import { FileListEncoder, decodeBatch, instantOf, nearestListableTime, timeNsOf } from '../src/index.ts'
import { isListableTime } from '../src/instant.ts'
import { holds } from './support/holds.ts'
import { fileRecord, listOf } from './support/records.ts'

const MIN = -(2n ** 63n)
const MAX = 2n ** 63n - 1n

const nearestOf = (timeNs: bigint): bigint => timeNsOf(nearestListableTime(instantOf(timeNs)))

/** Times around all edges, and any that a file system may have: 34 bits of seconds and more. */
const times = fc.oneof(
  fc.bigInt(-(2n ** 83n), 2n ** 83n),
  fc.bigInt(-(2n ** 64n), 2n ** 64n),
  fc
    .tuple(
      fc.constantFrom(MIN, MAX, 0n, MIN / 1_000_000_000n, 2n ** 53n),
      fc.bigInt(-2_000_000_000n, 2_000_000_000n),
    )
    .map(([edge, by]) => edge + by),
)

t.test('the nearest time that a file list holds is the same one, or the end on its side', (t) => {
  holds(
    t,
    2000,
    fc.property(times, (timeNs) => {
      const { seconds, nanos } = instantOf(timeNs)
      const expected = timeNs < MIN ? MIN : timeNs > MAX ? MAX : timeNs
      return (
        nearestOf(timeNs) === expected &&
        nearestOf(expected) === expected &&
        isListableTime(seconds, nanos) === (expected === timeNs)
      )
    }),
  )
  t.end()
})

t.test('a list has the nearest time of every file exactly, and takes none beyond', (t) => {
  const edges = [MIN, MIN + 1n, -1_500_000_000n, -1n, 0n, 1n, MAX - 1n, MAX]
  const records = edges.map((mtimeNs, index) =>
    fileRecord(`/${index}`, { mtimeNs, ctimeNs: edges[7 - index] ?? 0n }),
  )
  t.same(
    listOf(records, 64).batches.flatMap((batch) => decodeBatch(batch)),
    records,
  )
  for (const mtimeNs of [MIN - 1n, MAX + 1n]) {
    const encoder = new FileListEncoder({ images: ['client_1'] })
    t.throws(() => encoder.add(fileRecord('/f', { mtimeNs })), /64 bits/)
    t.doesNotThrow(() => encoder.add(fileRecord('/f', { mtimeNs: nearestOf(mtimeNs) })))
  }
  t.end()
})
