import type { Policy, Schedule } from '@nb/contracts'
import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { type LastBackups, nextRun } from '../src/due.ts'

const at = (text: string): number => Date.parse(text)
const hour = 3_600_000
const always = [{ weekday: 0, startSeconds: 0, durationSeconds: 604_800 }]
const next = (policy: Policy, last: LastBackups, now: string) =>
  nextRun({ policy, client: 'web1', last, notBefore: at(now), timeZone: 'UTC' })
const schedule = (changes: Partial<Schedule>): Schedule => ({
  name: 's',
  type: 'full',
  frequencyMs: 24 * hour,
  windows: always,
  retentionLevel: 1,
  ...changes,
})

t.test('without any backup the fuller schedule goes first, at once when a window is open', async (t) => {
  t.match(next(nightlyPolicy(), new Map(), '2026-01-01T20:00:00Z'), {
    schedule: 'full',
    startsAt: at('2026-01-01T20:00:00Z'),
  })
})

t.test('starts do not creep: a daily run that started late is due at the opening again', async (t) => {
  const last = new Map([
    ['full', at('2026-01-01T18:00:00Z')],
    ['incr', at('2026-01-02T23:17:00Z')],
  ])
  t.match(next(nightlyPolicy(), last, '2026-01-03T07:00:00Z'), {
    schedule: 'incr',
    startsAt: at('2026-01-03T18:00:00Z'),
  })
})

t.test('a run just after midnight belongs to the evening before; the next is due that evening', async (t) => {
  const last = new Map([['full', at('2026-01-02T00:30:00Z')]])
  t.match(next(nightlyPolicy(), last, '2026-01-02T01:00:00Z'), {
    schedule: 'incr',
    startsAt: at('2026-01-02T18:00:00Z'),
  })
})

t.test('the full satisfies the incremental of its night, an incremental never a full', async (t) => {
  const full = new Map([['full', at('2026-01-01T18:05:00Z')]])
  t.match(next(nightlyPolicy(), full, '2026-01-01T19:00:00Z'), {
    schedule: 'incr',
    startsAt: at('2026-01-02T18:00:00Z'),
  })
  const incremental = new Map([['incr', at('2026-01-01T18:05:00Z')]])
  t.match(next(nightlyPolicy(), incremental, '2026-01-01T19:00:00Z'), {
    schedule: 'full',
    startsAt: at('2026-01-01T19:00:00Z'),
  })
})

t.test('a cumulative is satisfied by fulls and cumulatives, not by differentials', async (t) => {
  const policy = nightlyPolicy({
    schedules: [
      schedule({ name: 'full', frequencyMs: 240 * hour }),
      schedule({ name: 'cumulative', type: 'cumulative', frequencyMs: 72 * hour }),
      schedule({ name: 'differential', type: 'differential', frequencyMs: 72 * hour }),
    ],
  })
  const last = new Map([
    ['full', at('2026-01-01T00:00:00Z')],
    ['differential', at('2026-01-03T00:00:00Z')],
  ])
  t.match(next(policy, last, '2026-01-03T01:00:00Z'), {
    schedule: 'cumulative',
    dueAt: at('2026-01-04T00:00:00Z'),
  })
})

t.test('a frequency that is no whole number of days is elapsed time', async (t) => {
  const policy = nightlyPolicy({ schedules: [schedule({ frequencyMs: 50 * hour })] })
  const last = new Map([['s', at('2026-01-01T10:00:00Z')]])
  t.match(next(policy, last, '2026-01-01T11:00:00Z'), { startsAt: at('2026-01-03T12:00:00Z') })
})

t.test('of several at once the higher retention level goes first, then the longer frequency', async (t) => {
  const byLevel = nightlyPolicy({
    schedules: [schedule({ name: 'a' }), schedule({ name: 'b', retentionLevel: 2 })],
  })
  t.match(next(byLevel, new Map(), '2026-01-01T00:00:00Z'), { schedule: 'b' })
  const byFrequency = nightlyPolicy({
    schedules: [schedule({ name: 'a' }), schedule({ name: 'b', frequencyMs: 48 * hour })],
  })
  t.match(next(byFrequency, new Map(), '2026-01-01T00:00:00Z'), { schedule: 'b' })
})

t.test(
  'an inactive policy, user schedules and a policy without windows never start by themselves',
  async (t) => {
    t.equal(next(nightlyPolicy({ active: false }), new Map(), '2026-01-01T20:00:00Z'), undefined)
    t.equal(
      next(
        nightlyPolicy({ schedules: [schedule({ type: 'user-backup' })] }),
        new Map(),
        '2026-01-01T20:00:00Z',
      ),
      undefined,
    )
    t.equal(
      next(nightlyPolicy({ schedules: [schedule({ windows: [] })] }), new Map(), '2026-01-01T20:00:00Z'),
      undefined,
    )
  },
)

t.test('nothing starts before the policy takes effect', async (t) => {
  const policy = nightlyPolicy({ effectiveAt: at('2026-01-05T00:00:00Z') })
  t.match(next(policy, new Map(), '2026-01-01T20:00:00Z'), { startsAt: at('2026-01-05T00:00:00Z') })
})
