import { createWireTwin } from '@nb/remote'
import { createScriptedJobs, createVirtualClock, schedulerSuite } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createScheduler } from '../src/scheduler.ts'

const started = async () => {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const scripted = createScriptedJobs(clock)
  const log = { append: () => Promise.resolve() }
  const components = { ...scripted, clock, log, store: new MemoryLevel<string, string>() }
  const scheduler = createScheduler(components, { timeZone: 'UTC' })
  await scheduler.start()
  return { scheduler, clock, scripted, stop: scheduler.stop }
}

t.test('the scheduler', async (t) => {
  schedulerSuite(t, { setup: started, teardown: ({ stop }) => stop() })
})

t.test('the scheduler behind a wire', async (t) => {
  schedulerSuite(t, {
    setup: async () => {
      const fixture = await started()
      const { ports, close } = await createWireTwin({ scheduler: fixture.scheduler })
      return { ...fixture, ...ports, stop: () => close().then(fixture.stop) }
    },
    teardown: ({ stop }) => stop(),
  })
})
