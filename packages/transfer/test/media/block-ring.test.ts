import { seededRandom } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { type BlockRing, createBlockRing } from '../../src/media/block-ring.ts'
import { RingFiller } from '../../src/media/ring-filler.ts'

async function pauses(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

t.test('whatever the paces of both sides, bytes come in order and the bound holds', async (t) => {
  const scenario = fc.record({
    seed: fc.nat(),
    blocks: fc.integer({ min: 2, max: 6 }),
    length: fc.nat({ max: 20_000 }),
    most: fc.integer({ min: 1, max: 6 }),
  })
  await fc.assert(
    fc.asyncProperty(scenario, async ({ seed, blocks, length, most }) => {
      const random = seededRandom(seed)
      const ring = createBlockRing({ blockBytes: 512, blocks })
      const sent = Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251))
      let produced = 0
      let consumed = 0
      const produce = async (): Promise<void> => {
        const filler = new RingFiller(ring)
        for (let at = 0; at < length;) {
          const count = 1 + Math.floor(random() * 1500)
          if (random() < 0.5) {
            await filler.write(sent.subarray(at, at + count))
            at += count
          } else {
            const from = at
            at += await filler.fill(Math.min(count, length - at), async (into) => {
              await pauses(Math.floor(random() * 3))
              // Nothing, too, is an answer.
              return sent.copy(into, 0, from, from + Math.floor(random() * (into.length + 1)))
            })
          }
          produced = Math.min(at, length)
          // What is with neither side is in the ring.
          if (produced - consumed > blocks * 512 + 1500) throw new Error('the ring holds more than it has')
          await pauses(Math.floor(random() * 4))
        }
        filler.finish()
      }
      const chunks: Buffer[] = []
      const consume = async (): Promise<void> => {
        for (let bytes = await ring.take(most); bytes !== undefined; bytes = await ring.take(most)) {
          if (bytes.length > most * 512) throw new Error('more than was asked for')
          chunks.push(Buffer.from(bytes))
          await pauses(Math.floor(random() * 4))
          consumed += bytes.length
          ring.release()
        }
      }
      await Promise.all([produce(), consume()])
      return Buffer.concat(chunks).equals(sent)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('waits are counted by episode, at the side that waits', async (t) => {
  const ring = createBlockRing({ blockBytes: 512, blocks: 2 })
  const first = ring.take()
  await ring.claim()
  ring.publish(512)
  t.equal((await first)?.length, 512)
  t.match(waits(ring), { full: 1, empty: 0 })
  ring.release()
  for (let block = 0; block < 2; block++) {
    await ring.claim()
    ring.publish(512)
  }
  const third = ring.claim()
  t.equal((await ring.take())?.length, 512)
  t.match(waits(ring), { full: 1, empty: 1 })
  ring.release()
  await third
  ring.end()
  t.equal((await ring.take())?.length, 512)
  ring.release()
  t.equal(await ring.take(), undefined)
  t.match(waits(ring), { full: 1, empty: 1 }, 'the end is no wait')
})

t.test('an abort ends waits on both sides, now and later, with the first reason', async (t) => {
  const reason = new Error('the first')
  for (const side of ['consumer', 'producer'] as const) {
    const ring = createBlockRing({ blockBytes: 512, blocks: 2 })
    if (side === 'producer')
      for (let block = 0; block < 2; block++) {
        await ring.claim()
        ring.publish(1)
      }
    const waiting = side === 'consumer' ? ring.take() : ring.claim()
    ring.abort(reason)
    ring.abort(new Error('the second'))
    await t.rejects(waiting, reason)
    await t.rejects(ring.take(), reason)
    await t.rejects(ring.claim(), reason)
  }
})

t.test('misuse is told', async (t) => {
  t.throws(() => createBlockRing({ blockBytes: 1, blocks: 2 }), TypeError)
  t.throws(() => createBlockRing({ blockBytes: 512, blocks: 1 }), TypeError)
  const ring = createBlockRing({ blockBytes: 512, blocks: 2 })
  await ring.claim()
  t.throws(() => ring.publish(513), RangeError)
  t.throws(() => ring.publish(0), RangeError)
  t.equal((await ring.claim(9)).length, 1024)
  t.throws(() => ring.publish(1025), RangeError)
  await ring.claim()
  t.throws(() => ring.publish(513), RangeError)
  ring.publish(5)
  await ring.take()
  await t.rejects(ring.take(), TypeError)
})

function waits({ waitedForFull, waitedForEmpty }: BlockRing): { full: number; empty: number } {
  return { full: waitedForFull, empty: waitedForEmpty }
}

t.test('a wait that someone else is the reason of is not counted', async (t) => {
  const ring = createBlockRing({ blockBytes: 512, blocks: 2 })
  ring.excuseWait()
  const excused = ring.take()
  t.equal(ring.waitedForFull, 1)
  ring.excuseWait()
  ring.excuseWait()
  t.equal(ring.waitedForFull, 0)
  await ring.claim()
  ring.publish(512)
  await excused
  ring.release()
  ring.excuseWait()
  const counted = ring.take()
  await ring.claim()
  ring.publish(1)
  await counted
  t.equal(ring.waitedForFull, 1)
})
