import t from 'tap'
import { systemClock } from '../src/clock.ts'

t.test('a sleep ends at once when its signal aborts', async (t) => {
  const clock = systemClock()
  const controller = new AbortController()
  const sleeping = clock.sleep(60_000, { signal: controller.signal })
  controller.abort()
  await t.rejects(sleeping, { name: 'AbortError' })
  await t.rejects(clock.sleep(1, { signal: controller.signal }), { name: 'AbortError' })
})

t.test('a timer runs once, later, and not after it was cancelled', async (t) => {
  const clock = systemClock()
  const ran: string[] = []
  clock.setTimer(0, () => ran.push('kept'))
  clock.setTimer(0, () => ran.push('cancelled'))()
  t.same(ran, [])
  await clock.sleep(5)
  t.same(ran, ['kept'])
})

t.test('a delay beyond the host timer limit does not fire early', async (t) => {
  const clock = systemClock()
  let ran = false
  const cancel = clock.setTimer(2 ** 40, () => (ran = true))
  await clock.sleep(5)
  t.equal(ran, false)
  cancel()
})
