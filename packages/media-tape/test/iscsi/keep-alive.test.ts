import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { KeepAlive } from '../../src/iscsi/keep-alive.ts'

const start = () => {
  const clock = createVirtualClock(undefined, { settleTurns: 0 })
  const told: string[] = []
  const keepAlive = new KeepAlive(
    clock,
    { pingIntervalMs: 1000, pingTimeoutMs: 600 },
    { ping: () => told.push('ping'), silent: () => told.push('silent') },
  )
  keepAlive.start()
  return { clock, told, keepAlive }
}

t.test('it pings after a silence, and not while something is heard', async (t) => {
  const { clock, told, keepAlive } = start()
  for (let turn = 0; turn < 10; turn++) {
    await clock.advance(999)
    keepAlive.heard()
  }
  t.same(told, [])
  await clock.advance(1500)
  t.same(told, ['ping'])
})

t.test('without an answer it tells so, once', async (t) => {
  const { clock, told } = start()
  await clock.advance(1599)
  t.same(told, ['ping'])
  await clock.advance(1)
  t.same(told, ['ping', 'silent'])
  await clock.advance(60_000)
  t.same(told, ['ping', 'silent'])
})

t.test('an answer in either half of the time is one', async (t) => {
  for (const waitMs of [1299, 1301, 1599]) {
    const { clock, told, keepAlive } = start()
    await clock.advance(waitMs)
    keepAlive.heard()
    await clock.advance(900)
    t.same(told, ['ping'], `${waitMs} ms`)
  }
})

t.test('a process that stood still pings, or reads, before it gives up', async (t) => {
  const { clock, told, keepAlive } = start()
  await clock.advance(1000)
  // Both halves lie in the past; what waits to be read is read between their timers.
  clock.setTimer(300, () => keepAlive.heard())
  await clock.advance(1200)
  t.same(told, ['ping'])
})

t.test('nothing after it was stopped', async (t) => {
  const { clock, told, keepAlive } = start()
  keepAlive.stop()
  await clock.advance(60_000)
  t.same(told, [])
  t.equal(clock.pendingTimers, 0)
})
