import { MemoryLevel } from 'memory-level'
import { createScriptedJobs, createVirtualClock, schedulerSuite } from '@nb/test-kit'
import t from 'tap'
import { createScheduler } from '../src/scheduler.ts'

schedulerSuite(t, {
  setup: async () => {
    const clock = createVirtualClock(Date.UTC(2026, 0, 1))
    const scripted = createScriptedJobs(clock)
    const log = { append: () => Promise.resolve() }
    const components = { ...scripted, clock, log, store: new MemoryLevel<string, string>() }
    const scheduler = createScheduler(components, { timeZone: 'UTC' })
    await scheduler.start()
    return { scheduler, clock, scripted, stop: scheduler.stop }
  },
  teardown: ({ stop }) => stop(),
})
