import t from 'tap'
import { simulate } from '../play.ts'
import { clients, day, fullSchedule, gigabyte, hour, monday, nightly, policy, tapeSite } from '../sites.ts'

t.test('a drive that is down from Friday night to Monday morning leaves its work to the other', async (t) => {
  const friday = monday + 4 * day
  const downAt = friday + 21 * hour
  const durationMs = 2 * day + 11 * hour
  const site = tapeSite(2, 30, {
    clients: clients(4, 720 * gigabyte),
    policies: [
      policy(['c1', 'c2', 'c3', 'c4'], [fullSchedule(nightly(20, 5), { frequencyMs: day })], { priority: 1 }),
    ],
    failures: { planned: [{ kind: 'drive-down', name: 'drive1', at: downAt, durationMs }] },
  })
  const { jobs, drives, misses } = await simulate(site, 8)
  const [first, second] = drives
  const down = first?.downMs.reduce((sum, ms) => sum + ms, 0)
  t.equal(down, durationMs)
  t.same(
    second?.downMs.every((ms) => ms === 0),
    true,
  )
  const failed = jobs.filter(({ attempts }) => attempts > 1)
  t.equal(failed.length, 1, 'the job in the drive was tried again as the same job')
  const heldWhileDown = first?.heldMs.filter((_, index) => {
    const at = monday + 12 * hour + index * hour
    return at >= downAt && at + hour <= downAt + durationMs
  })
  t.ok(heldWhileDown?.every((ms) => ms === 0))
  const nights = new Set(misses.map(({ closesAt }) => (closesAt - monday) / day))
  // Friday's, Saturday's and Sunday's windows close the day after.
  t.same(
    [...nights].sort(),
    [5, 6, 7].map((night) => night + 1 / 24),
  )
  t.ok(misses.every(({ kind }) => kind === 'not-started'))
})
