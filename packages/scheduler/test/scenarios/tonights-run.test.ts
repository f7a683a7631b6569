import type { Schedule } from '@nb/contracts'
import { collect, nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { site } from '../site.ts'

const minute = 60_000
const hour = 60 * minute

t.test(
  'the window closes while jobs queue: 196, no try is used, and the next window tries again',
  async (t) => {
    const { clock, scripted, boot, starts } = site()
    const scheduler = await boot()
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await clock.advance(11 * hour)
    t.equal(scripted.submitted[0]?.windowClosesAt, Date.UTC(2026, 0, 2, 6))
    await clock.advance(12 * hour)
    scripted.finish('1', 196)
    await clock.advance(minute)
    t.match(await collect(scheduler.tasks({})), [{ state: 'waiting', lastStatus: 196 }])
    await clock.advance(13 * hour)
    t.strictSame(starts(), ['2026-01-01T18:00 full', '2026-01-02T18:00 full'])
    t.strictSame(scripted.submitted[1]?.retry?.tries, 2)
    await scheduler.stop()
  },
)

t.test('a manual run satisfies tonight', async (t) => {
  const { clock, scripted, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await scheduler.runNow({ policy: 'nightly', schedule: 'full' })
  scripted.finish('1', 0)
  await clock.advance(23.5 * hour)
  t.strictSame(starts(), ['2026-01-01T07:00 full'], 'a day has not passed when the window closes at 06:00')
  await scheduler.stop()
})

t.test('tries are used up: the task says until when, and a success forgets them', async (t) => {
  const { clock, scripted, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(11 * hour)
  scripted.finish('1', 84, { attempts: 2 })
  await clock.advance(minute)
  const [task] = await collect(scheduler.tasks({}))
  t.equal(task?.state, 'blocked')
  t.match(task?.reason, /2 of 2 tries in 12 hours are used; the next is allowed at 2026-01-02T06:00/)
  await clock.advance(24 * hour)
  t.strictSame(starts(), ['2026-01-01T18:00 full', '2026-01-02T18:00 full'])
  t.equal(scripted.submitted[1]?.retry?.tries, 2, 'the tries of last night have aged out')
  scripted.finish('2', 0)
  await clock.advance(minute)
  t.match(await collect(scheduler.tasks({})), [{ state: 'waiting', lastStatus: 0 }])
  await scheduler.stop()
})

t.test('nothing will ever start: the task says which schedule lacks what', async (t) => {
  const { boot } = site()
  const scheduler = await boot()
  const reasonOf = async (...schedules: Partial<Schedule>[]): Promise<unknown> => {
    const [full] = nightlyPolicy().schedules as readonly [Schedule]
    const policy = nightlyPolicy({ schedules: schedules.map((changes) => ({ ...full, ...changes })) })
    const generation = (await scheduler.getPolicy({ name: policy.name }))?.generation ?? 0
    await scheduler.putPolicy({ policy, generation })
    const [task] = await collect(scheduler.tasks({}))
    t.equal(task?.state, 'waiting')
    t.equal(task?.next === undefined, task?.reason !== undefined, 'a reason where there is no next run')
    return task?.reason
  }
  t.equal(await reasonOf({}), undefined)
  t.equal(await reasonOf({ windows: [] }), 'schedule full has no start window, so it runs only by hand')
  t.equal(await reasonOf(), 'the policy has no schedule')
  t.match(await reasonOf({ type: 'user-backup' }), 'only schedules for users')
  const everyDay = { weekdays: [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday })) }
  t.match(await reasonOf({ exclude: everyDay }), 'full has no start window to come on a day that is not')
  const { frequencyMs: _, ...full } = nightlyPolicy().schedules[0] as Schedule
  const past = { ...full, calendar: { dates: ['2025-12-24'], retryAfterRunDay: false } }
  const policy = nightlyPolicy({ name: 'xmas', schedules: [past] })
  await scheduler.putPolicy({ policy })
  t.match(await collect(scheduler.tasks({ policy: 'xmas' })), [
    { state: 'waiting', reason: 'schedule full has no run day to come with an open start window' },
  ])
  await scheduler.stop()
})

t.test('one try is left of the period: the job is told so', async (t) => {
  const { clock, scripted, boot } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(10 * hour)
  await scheduler.runNow({ policy: 'nightly' })
  scripted.finish('1', 84)
  await clock.advance(2 * hour)
  t.equal(scripted.submitted.length, 2)
  t.equal(scripted.submitted[1]?.retry?.tries, 1, 'the try by hand counts')
  await scheduler.stop()
})

t.test('a job that an administrator cancels is not started again in its window', async (t) => {
  const { clock, scripted, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(11 * hour)
  scripted.finish('1', 150)
  await clock.advance(minute)
  const [task] = await collect(scheduler.tasks({}))
  t.match(task, {
    state: 'blocked',
    reason: /ended by an administrator with 150; .* before 2026-01-02T06:00/,
  })
  await clock.advance(24 * hour)
  t.strictSame(starts(), ['2026-01-01T18:00 full', '2026-01-02T18:00 full'])
  await scheduler.stop()
})

t.test('the server was down over the window: it starts when the next one opens, once', async (t) => {
  const { clock, boot, starts } = site()
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy() })
  await first.stop()
  await clock.advance(25 * hour)
  const second = await boot()
  await clock.advance(12 * hour)
  t.strictSame(starts(), ['2026-01-02T18:00 full'])
  await second.stop()
})

t.test('an image expires: what rested on it is due again', async (t) => {
  const { clock, scripted, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(11 * hour)
  scripted.finish('1', 0)
  await clock.advance(hour)
  scripted.expire('full')
  await clock.advance(hour)
  t.strictSame(starts(), ['2026-01-01T18:00 full', '2026-01-01T20:00 full'])
  await scheduler.stop()
})

t.test('a policy is edited by two: the second is told, and nothing is lost', async (t) => {
  const { boot } = site()
  const scheduler = await boot()
  const { generation } = await scheduler.putPolicy({ policy: nightlyPolicy() })
  await scheduler.putPolicy({ policy: nightlyPolicy({ priority: 10 }), generation })
  await t.rejects(scheduler.putPolicy({ policy: nightlyPolicy({ priority: 20 }), generation }), {
    code: 'generation-conflict',
    details: { present: 2, given: 1 },
  })
  t.match(await scheduler.getPolicy({ name: 'nightly' }), { priority: 10 })
  await scheduler.stop()
})

t.test('an edit takes effect at once, or after the quiet time that an option sets', async (t) => {
  const night = 12 * hour
  for (const [policyQuietMs, expected] of [
    [0, '2026-01-01T19:00 full'],
    [5 * minute, '2026-01-01T19:05 full'],
  ] as const) {
    const { clock, boot, starts } = site({ policyQuietMs })
    const scheduler = await boot()
    await scheduler.putPolicy({ policy: nightlyPolicy({ active: false }) })
    await clock.advance(night)
    t.match(await collect(scheduler.tasks({})), [{ state: 'inactive', reason: 'the policy is not active' }])
    await scheduler.putPolicy({ policy: nightlyPolicy(), generation: 1 })
    await clock.advance(10 * minute)
    t.strictSame(starts(), [expected])
    await scheduler.stop()
  }
})

t.test('a policy that takes effect later starts nothing before', async (t) => {
  const { clock, boot, starts } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy({ effectiveAt: Date.UTC(2026, 0, 3, 1) }) })
  await clock.advance(48 * hour)
  t.strictSame(starts(), ['2026-01-03T01:00 full'], 'in the night that is open then')
  await scheduler.stop()
})

t.test(
  'the answer to Job Start gets lost: the same request is asked again, and there is one job',
  async (t) => {
    const { clock, scripted, boot } = site()
    const scheduler = await boot()
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    scripted.failNextSubmit('after')
    await clock.advance(11 * hour)
    t.match(await collect(scheduler.tasks({})), [{ state: 'blocked', reason: 'planned' }])
    await clock.advance(2 * minute)
    t.equal(scripted.submitted.length, 1)
    t.match(await collect(scheduler.tasks({})), [{ state: 'running', jobId: '1' }])
    await scheduler.stop()
  },
)
