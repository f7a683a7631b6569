import type { DayRule, Policy, Schedule, StartWindow } from '@nb/contracts'
import { collect, nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { preview, site } from '../site.ts'

const hour = 3_600_000
const day = 24 * hour
const everyNight: readonly StartWindow[] = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({
  weekday,
  startSeconds: 18 * 3600,
  durationSeconds: 12 * 3600,
}))
const daily = { weekdays: everyNight.map(({ weekday }) => ({ weekday })) }
const onDays = (rule: DayRule, changes: Partial<Schedule> = {}, retryAfterRunDay = false): Policy =>
  nightlyPolicy({
    schedules: [
      {
        name: 'run',
        type: 'full',
        calendar: { ...rule, retryAfterRunDay },
        windows: everyNight,
        retentionLevel: 1,
        ...changes,
      },
    ],
  })
const from = Date.UTC(2026, 0, 1, 7)

t.test('calendar: the last Friday of each month', async (t) => {
  const scheduler = await site().boot()
  const policy = onDays({ weekdays: [{ weekday: 5, week: 'last' }] })
  t.strictSame(await preview(scheduler, policy, from, 90), [
    '2026-01-30T18:00 run',
    '2026-02-27T18:00 run',
    '2026-03-27T18:00 run',
  ])
  await scheduler.stop()
})

t.test('an excluded holiday: nothing starts, and the evening before ends at its midnight', async (t) => {
  const scheduler = await site().boot()
  const policy = onDays(daily, { exclude: { dates: ['2026-01-03'] } })
  t.strictSame(await preview(scheduler, policy, from, 4), [
    '2026-01-01T18:00 run',
    '2026-01-02T18:00 run',
    '2026-01-04T18:00 run',
  ])
  const runs = await collect(scheduler.preview({ policy: 'nightly', from, to: from + 2 * day }))
  t.equal(runs[1]?.closesAt, Date.UTC(2026, 0, 3), 'not at 06:00 of the holiday')
  const frequency = nightlyPolicy({ name: 'b' })
  const [full] = frequency.schedules
  const schedules = [{ ...(full as Schedule), frequencyMs: day, exclude: { dates: ['2026-01-03'] } }]
  t.strictSame(await preview(scheduler, { ...frequency, schedules }, from, 4), [
    '2026-01-01T18:00 full',
    '2026-01-02T18:00 full',
    '2026-01-04T18:00 full',
  ])
  await scheduler.stop()
})

t.test('calendar and midnight: one window by default, two where the option says so', async (t) => {
  const one = await site().boot()
  t.strictSame(await preview(one, onDays(daily), from, 2), ['2026-01-01T18:00 run', '2026-01-02T18:00 run'])
  await one.stop()
  const two = await site({ calendarMidnight: 'two-windows' }).boot()
  t.strictSame(await preview(two, onDays(daily), from, 2), [
    '2026-01-01T18:00 run',
    '2026-01-02T00:00 run',
    '2026-01-03T00:00 run',
  ])
  await two.stop()
})

t.test(
  'calendar: a day without a window of its own runs after midnight in that of the day before',
  async (t) => {
    const scheduler = await site().boot()
    const windows = everyNight.filter(({ weekday }) => weekday === 5)
    t.strictSame(await preview(scheduler, onDays(daily, { windows }), from, 7), [
      '2026-01-02T18:00 run',
      '2026-01-03T00:00 run',
    ])
    await scheduler.stop()
  },
)

t.test('calendar: a window that is always open runs right after midnight of each run day', async (t) => {
  const scheduler = await site().boot()
  const windows = [{ weekday: 0, startSeconds: 0, durationSeconds: 7 * 86_400 }]
  t.strictSame(await preview(scheduler, onDays({ daysOfMonth: [3, 5] }, { windows }), from, 6), [
    '2026-01-03T00:00 run',
    '2026-01-05T00:00 run',
  ])
  await scheduler.stop()
})

t.test('calendar: a run that failed on its day is made up for only where that is allowed', async (t) => {
  for (const [retryAfterRunDay, expected] of [
    [false, ['2026-01-02T18:00 run']],
    [true, ['2026-01-02T18:00 run', '2026-01-03T18:00 run']],
  ] as const) {
    const { clock, scripted, boot, starts } = site()
    const scheduler = await boot()
    const effectiveAt = clock.now()
    await scheduler.putPolicy({
      policy: { ...onDays({ daysOfMonth: [2] }, {}, retryAfterRunDay), effectiveAt },
    })
    await clock.advance(1.5 * day)
    scripted.finish('1', 84, { attempts: 2 })
    await clock.advance(2 * day)
    t.strictSame(starts(), expected)
    await scheduler.stop()
  }
})

t.test('calendar: a manual run on the run day satisfies it', async (t) => {
  const { clock, scripted, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: onDays(daily) })
  await scheduler.runNow({ policy: 'nightly' })
  scripted.finish('1', 0)
  await clock.advance(day)
  t.strictSame(starts(), ['2026-01-01T07:00 run'])
  await scheduler.stop()
})

t.test('calendar: the monthly full satisfies the incremental of its night', async (t) => {
  const scheduler = await site().boot()
  const shared = { windows: everyNight, retentionLevel: 1 }
  const policy = nightlyPolicy({
    schedules: [
      {
        name: 'monthly',
        type: 'full',
        calendar: { daysOfMonth: [3], retryAfterRunDay: false },
        ...shared,
        retentionLevel: 8,
      },
      { name: 'daily', type: 'differential', calendar: { ...daily, retryAfterRunDay: false }, ...shared },
    ],
  })
  t.strictSame(await preview(scheduler, policy, from, 4), [
    '2026-01-01T18:00 daily',
    '2026-01-02T18:00 daily',
    '2026-01-03T18:00 monthly',
    '2026-01-04T18:00 daily',
  ])
  await scheduler.stop()
})

t.test('clocks go forward: a window in the hour that is skipped opens at its end, once', async (t) => {
  const scheduler = await site({ timeZone: 'Europe/Vienna' }).boot()
  const windows = everyNight.map((night) => ({ ...night, startSeconds: 8100, durationSeconds: 1800 }))
  const start = Date.UTC(2026, 2, 27, 12)
  t.strictSame(await preview(scheduler, onDays(daily, { windows }), start, 3), [
    '2026-03-28T01:15 run',
    '2026-03-29T01:00 run',
    '2026-03-30T00:15 run',
  ])
  const runs = await collect(scheduler.preview({ policy: 'nightly', from: start, to: start + 2 * day }))
  t.equal(runs[1]?.closesAt, Date.UTC(2026, 2, 29, 1, 30), 'it keeps its half hour')
  const [schedule] = onDays(daily, { windows }).schedules
  const { calendar: _, ...rest } = schedule as Schedule
  const frequency = nightlyPolicy({ name: 'b', schedules: [{ ...rest, frequencyMs: day }] })
  t.strictSame(await preview(scheduler, frequency, start, 3), [
    '2026-03-28T01:15 run',
    '2026-03-29T01:00 run',
    '2026-03-30T00:15 run',
  ])
  await scheduler.stop()
})
