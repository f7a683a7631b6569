import { createVirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { createDeadlines } from '../src/deadlines.ts'

t.test('each deadline comes once, in its time, in the order of times', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(20), fc.option(fc.nat(100)), fc.nat(30)), { maxLength: 60 }),
      async (steps) => {
        const clock = createVirtualClock(0, { settleTurns: 1 })
        const expected = new Map<string, number>()
        let wrong = 0
        const deadlines = createDeadlines(clock, (jobId, { at }) => {
          if (expected.get(jobId) !== at || clock.now() !== Math.max(at, clock.now())) wrong += 1
          expected.delete(jobId)
        })
        for (const [job, inMs, passing] of steps) {
          const at = inMs === null ? undefined : clock.now() + inMs
          const jobId = String(job)
          if (at === undefined) expected.delete(jobId)
          else expected.set(jobId, at)
          deadlines.set(jobId, at === undefined ? undefined : { at, what: 'retry' })
          await clock.advance(passing)
          for (const due of expected.values()) if (due < clock.now()) wrong += 1
        }
        await clock.advance(200)
        return wrong === 0 && expected.size === 0 && clock.pendingTimers === 0
      },
    ),
    { numRuns: 60 },
  )
  t.pass('over random settings')
})
