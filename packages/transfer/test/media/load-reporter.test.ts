import { NbError } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createLoadReporter } from '../../src/index.ts'

t.test('a media server tells how busy it is at its start and every minute, within 0 and 1', async (t) => {
  const clock = createVirtualClock()
  const told: { readonly name: string; readonly load: number }[] = []
  const loads = [0.25, 1.75, -1]
  const media = { reportLoad: async (input: { name: string; load: number }) => void told.push(input) }
  const reporter = createLoadReporter(
    { media, clock, load: () => loads.shift() ?? 0.5 },
    { mediaServer: 'media1' },
  )
  await reporter.start()
  await reporter.start()
  t.same(told, [{ name: 'media1', load: 0.25 }], 'once for two starts')
  await clock.advance(120_000)
  t.same(
    told.map(({ load }) => load),
    [0.25, 1, 0],
  )
  await reporter.stop()
  await clock.advance(600_000)
  t.equal(told.length, 3, 'nothing after the stop')
  t.equal(clock.pendingTimers, 0)
})

t.test('a report that fails is followed by the next', async (t) => {
  const clock = createVirtualClock()
  let calls = 0
  const errors: unknown[] = []
  const logger = Object.assign(() => undefined, {
    error: (...args: unknown[]) => void errors.push(args),
    trace: () => undefined,
  })
  const media = {
    reportLoad: async () => {
      calls += 1
      if (calls === 1) throw new NbError('media-server-unknown', 'media1 is not registered')
    },
  }
  const reporter = createLoadReporter({ media, clock, logger }, { mediaServer: 'media1', intervalMs: 1000 })
  await reporter.start()
  await clock.advance(1000)
  t.equal(calls, 2)
  t.equal(errors.length, 1)
  await reporter.stop()
})

t.test('the host’s own load is a number from 0 to 1', async (t) => {
  const told: number[] = []
  const media = { reportLoad: async ({ load }: { load: number }) => void told.push(load) }
  const reporter = createLoadReporter({ media, clock: createVirtualClock() }, { mediaServer: 'media1' })
  await reporter.start()
  await reporter.stop()
  t.ok(told.every((load) => load >= 0 && load <= 1) && told.length === 1, `${told.join()}`)
  for (const intervalMs of [0, 999, 1.5, 4_000_000])
    t.throws(
      () => createLoadReporter({ media, clock: createVirtualClock() }, { mediaServer: 'm', intervalMs }),
      TypeError,
    )
})
