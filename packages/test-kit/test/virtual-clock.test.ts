import t from 'tap'
import { createVirtualClock, seededRandom } from '@nb/test-kit'

t.test('timers run by time, then by the order of their making, as a sorted list says', async (t) => {
  const random = seededRandom(11)
  const clock = createVirtualClock(0, { settleTurns: 1 })
  const expected: { at: number; id: number }[] = []
  const ran: { at: number; id: number }[] = []
  const cancels: (() => void)[] = []
  for (let id = 0; id < 2000; id++) {
    const at = Math.floor(random() * 300)
    cancels.push(clock.setTimer(at, () => void ran.push({ at: clock.now(), id })))
    expected.push({ at, id })
  }
  const gone = new Set<number>()
  for (let count = 0; count < 700; count++) gone.add(Math.floor(random() * 2000))
  for (const id of gone) {
    cancels[id]?.()
    cancels[id]?.()
  }
  t.equal(clock.pendingTimers, 2000 - gone.size)
  await clock.advance(300)
  t.same(
    ran,
    expected.filter(({ id }) => !gone.has(id)).sort((a, b) => a.at - b.at || a.id - b.id),
  )
  t.equal(clock.pendingTimers, 0)
  t.equal(clock.now(), 300)
})

t.test('one turn is enough for a chain of promises, however long', async (t) => {
  const clock = createVirtualClock(0, { settleTurns: 1 })
  let reached = 0
  clock.setTimer(1, () => {
    const chain = async (): Promise<void> => {
      for (let link = 0; link < 10_000; link++) {
        await Promise.resolve()
        if (link % 1000 === 0) await new Promise<void>((resolve) => process.nextTick(resolve))
        reached += 1
      }
    }
    void chain()
  })
  await clock.advance(1)
  t.equal(reached, 10_000)
})

t.test(
  'without turns a chain of promises runs to its end between two timers, and the host is not kept waiting',
  async (t) => {
    const clock = createVirtualClock(0, { settleTurns: 0 })
    const reached: number[] = []
    let links = 0
    for (let at = 1; at <= 3000; at++)
      clock.setTimer(at, () => {
        reached.push(links)
        void (async () => {
          for (let link = 0; link < 10; link++) {
            await Promise.resolve()
            links += 1
          }
        })()
      })
    let turns = 0
    const immediate = (): void => {
      turns += 1
      if (reached.length < 3000) setImmediate(immediate)
    }
    setImmediate(immediate)
    await clock.advance(3000)
    t.strictSame(
      reached,
      Array.from({ length: 3000 }, (_, index) => 10 * index),
    )
    t.equal(links, 30_000)
    t.ok(turns >= 2)
  },
)

t.test('timers that are set by timers run in the same advance, and never early', async (t) => {
  const clock = createVirtualClock(1000)
  const times: number[] = []
  clock.setTimer(10, () => {
    times.push(clock.now())
    clock.setTimer(-5, () => times.push(clock.now()))
    clock.setTimer(20, () => times.push(clock.now()))
    clock.setTimer(21, () => times.push(clock.now()))
  })
  await clock.advance(30)
  t.same(times, [1010, 1010, 1030])
  await t.rejects(
    clock.advanceUntil(() => false, 100),
    /nothing happened/,
  )
  t.same(times, [1010, 1010, 1030, 1031])
})

t.test('a number of turns that can not be meant is refused', async (t) => {
  t.throws(() => createVirtualClock(0, { settleTurns: -1 }), TypeError)
  t.throws(() => createVirtualClock(0, { settleTurns: 1.5 }), TypeError)
})
