import t from 'tap'
import type { Clock, OpenFile } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import { ReadPace } from '../src/read-pace.ts'

function pacedFile(now: () => void = () => undefined) {
  const reads: string[] = []
  const file = {
    read: (target: Uint8Array) => {
      reads.push('pool')
      return Promise.resolve(target.length)
    },
    readNow: (target: Uint8Array) => {
      reads.push('now')
      now()
      return target.length
    },
  } as unknown as OpenFile
  return { file, reads }
}

t.test('lookups read at once, and after two milliseconds all else has its turn', async (t) => {
  const clock = createVirtualClock(1_000_000)
  const pace = new ReadPace(clock)
  const { file, reads } = pacedFile()
  const target = Buffer.alloc(16)
  let turns = 0
  setImmediate(() => (turns += 1))
  t.ok(pace.giveWay(), 'the first begins a turn')
  t.equal(await pace.read(file, target, 0), 16)
  t.equal(turns, 1, 'what was waiting came first')
  t.equal(pace.giveWay(), undefined)
  await pace.read(file, target, 0)
  await clock.advance(2)
  const waits = pace.giveWay()
  t.ok(waits)
  t.equal(pace.giveWay(), waits, 'all wait for the same turn')
  await waits
  t.equal(pace.giveWay(), undefined)
  t.same(reads, ['now', 'now'])
})

t.test('after a read that went to a disk the next go by way of the thread pool', async (t) => {
  let time = 1_000_000
  const clock = { now: () => time } as Clock
  const pace = new ReadPace(clock)
  const { file, reads } = pacedFile(() => (time += 5))
  const target = Buffer.alloc(16)
  for (let count = 0; count < 18; count++) await pace.read(file, target, 0)
  t.same(reads, ['now', ...Array<string>(16).fill('pool'), 'now'])
})

t.test('long reads, and files that cannot be read at once, go by way of the thread pool', async (t) => {
  const pace = new ReadPace({ now: () => 0 } as Clock)
  const { file, reads } = pacedFile()
  t.equal(pace.now(file, Buffer.alloc(256 * 1024), 0), undefined)
  const waiting = { ...file, readNow: undefined }
  t.equal(pace.now(waiting as unknown as OpenFile, Buffer.alloc(16), 0), undefined)
  t.equal(await pace.read(waiting as unknown as OpenFile, Buffer.alloc(16), 0), 16)
  t.same(reads, ['pool'])
})
