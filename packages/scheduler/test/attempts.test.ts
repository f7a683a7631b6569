import t from 'tap'
import { defaultAttemptLimits, isDecided, nextTryAt, triesLeft, withinPeriod } from '../src/attempts.ts'

const hour = 3_600_000

t.test('tries slide: at 18:00 and 20:00, none at 23:00, again when the first has aged out', async (t) => {
  t.equal(nextTryAt([], defaultAttemptLimits), 0)
  t.equal(nextTryAt([18 * hour], defaultAttemptLimits), 18 * hour + 600_000, 'the delay between tries')
  t.equal(nextTryAt([18 * hour, 20 * hour], defaultAttemptLimits), 30 * hour, '06:00 of the next day')
})

t.test('what is older than the period does not count', async (t) => {
  t.same(withinPeriod([1 * hour, 18 * hour], 20 * hour, defaultAttemptLimits), [18 * hour])
})

t.test('a job has the tries that the period leaves, and at least its own', async (t) => {
  t.equal(triesLeft([], 20 * hour, defaultAttemptLimits), 2)
  t.equal(triesLeft([1 * hour, 18 * hour], 20 * hour, defaultAttemptLimits), 1)
  t.equal(
    triesLeft([18 * hour, 19 * hour], 20 * hour, defaultAttemptLimits),
    1,
    'a run by hand starts anyway',
  )
})

t.test('cancelled, suspended and window closed are decisions, no failures', async (t) => {
  t.strictSame([150, 157, 196, 84, 0].map(isDecided), [true, true, true, false, false])
})
