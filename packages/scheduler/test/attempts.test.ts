import t from 'tap'
import { defaultAttemptLimits, nextTryAt, withinPeriod } from '../src/attempts.ts'

const hour = 3_600_000

t.test('tries slide: at 18:00 and 20:00, none at 23:00, again when the first has aged out', async (t) => {
  t.equal(nextTryAt([], defaultAttemptLimits), 0)
  t.equal(nextTryAt([18 * hour], defaultAttemptLimits), 18 * hour + 600_000, 'the delay between tries')
  t.equal(nextTryAt([18 * hour, 20 * hour], defaultAttemptLimits), 30 * hour, '06:00 of the next day')
})

t.test('what is older than the period does not count', async (t) => {
  t.same(withinPeriod([1 * hour, 18 * hour], 20 * hour, defaultAttemptLimits), [18 * hour])
})
