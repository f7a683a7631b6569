import assert from 'node:assert/strict'
import {
  type PlannedRun,
  type Policy,
  type Schedule,
  type ScheduleType,
  type Scheduler,
  toPath,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import type { ScriptedJobs } from '../fakes/scripted-jobs.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the scheduler suite works with. The scheduler runs in UTC, 2 tries in 12 hours, 10 minutes apart. */
export interface SchedulerFixture {
  readonly scheduler: Scheduler
  /** Starts at Thursday 2026-01-01T00:00Z. */
  readonly clock: VirtualClock
  readonly scripted: ScriptedJobs
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A policy with a weekly full and daily incrementals in nightly windows from 18:00 to 06:00. */
export function nightlyPolicy(changes: Partial<Policy> = {}): Policy {
  const windows = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({
    weekday,
    startSeconds: 18 * 3600,
    durationSeconds: 12 * 3600,
  }))
  return {
    name: 'nightly',
    active: true,
    clients: ['web1'],
    selections: [toPath('/srv')],
    storage: { kind: 'any' },
    schedules: [
      { name: 'full', type: 'full', frequencyMs: 7 * dayMs, windows, retentionLevel: 3 },
      { name: 'incr', type: 'differential', frequencyMs: dayMs, windows, retentionLevel: 1 },
    ],
    ...changes,
  }
}

/** The obligations of {@link Scheduler}. */
export function schedulerSuite<Fixture extends SchedulerFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('a policy is stored with a generation that rises, and two editors cannot overwrite each other', async ({
    scheduler,
  }) => {
    assert.equal(await scheduler.getPolicy({ name: 'nightly' }), undefined)
    assert.equal((await scheduler.putPolicy({ policy: nightlyPolicy() })).generation, 1)
    const changed = nightlyPolicy({ priority: 5 })
    assert.equal((await scheduler.putPolicy({ policy: changed, generation: 1 })).generation, 2)
    await assert.rejects(scheduler.putPolicy({ policy: changed, generation: 1 }), {
      code: 'generation-conflict',
      retryable: true,
    })
    await assert.rejects(scheduler.putPolicy({ policy: changed }), { code: 'generation-conflict' })
    assert.equal((await scheduler.getPolicy({ name: 'nightly' }))?.priority, 5)
  })

  test('a policy that is made anew goes on from the generation of the removed one, so that nothing older fits it', async ({
    scheduler,
  }) => {
    const name = 'nightly'
    assert.equal(await scheduler.policyRemoval({ name }), undefined)
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await scheduler.putPolicy({ policy: nightlyPolicy({ priority: 5 }), generation: 1 })
    await scheduler.removePolicy({ name })
    const removal = await scheduler.policyRemoval({ name })
    assert.deepEqual([removal?.name, removal?.generation], [name, 2])
    assert.ok((removal?.removedAt ?? -1) >= 0)
    for (const generation of [1, 2, 3])
      await assert.rejects(scheduler.putPolicy({ policy: nightlyPolicy(), generation }), {
        code: 'generation-conflict',
        details: { policy: name, present: 0, given: generation },
      })
    assert.equal((await scheduler.putPolicy({ policy: nightlyPolicy() })).generation, 3)
    assert.equal(await scheduler.policyRemoval({ name }), undefined)
    await assert.rejects(scheduler.putPolicy({ policy: nightlyPolicy(), generation: 1 }), {
      code: 'generation-conflict',
    })
    await scheduler.removePolicy({ name })
    assert.equal((await scheduler.policyRemoval({ name }))?.generation, 3)
    assert.equal((await scheduler.putPolicy({ policy: nightlyPolicy(), generation: 0 })).generation, 4)
  })

  test('a policy that cannot be meant is refused by the name of its field', async ({ scheduler }) => {
    const bad: [string, Partial<Policy>][] = [
      ['name', { name: '../x' }],
      ['clients', { clients: [] }],
      ['selections[0]', { selections: [toPath('relative')] }],
      ['priority', { priority: 100_000 }],
      ['exclude[1]', { exclude: ['*.tmp', ''] }],
      ['include[0]', { include: [''] }],
      [
        'schedules[0].frequencyMs',
        { schedules: [{ name: 'f', type: 'full', frequencyMs: 1, windows: [], retentionLevel: 0 }] },
      ],
      [
        'schedules[0].frequencyMs',
        { schedules: [{ name: 'f', type: 'full', windows: [], retentionLevel: 0 }] },
      ],
      [
        'schedules[0].calendar.dates[0]',
        {
          schedules: [
            {
              name: 'f',
              type: 'full',
              calendar: { dates: ['2026-02-30'], retryAfterRunDay: false },
              windows: [],
              retentionLevel: 0,
            },
          ],
        },
      ],
      ['selections[0]', { selections: ['NEW_STREAM', toPath('/srv')] }],
      ['selections', { selections: ['NEW_STREAM'], multipleStreams: true }],
    ]
    for (const [field, changes] of bad) {
      await assert.rejects(
        scheduler.putPolicy({ policy: nightlyPolicy(changes) }),
        (error: { code: string; details: object }) => {
          assert.equal(error.code, 'argument-invalid')
          assert.deepEqual(error.details, { field })
          return true
        },
      )
    }
    assert.equal((await collect(scheduler.policies({}))).length, 0)
  })

  test('a due job starts when its window opens, and next day again, a full a week', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await clock.advance(hourMs)
    assert.equal(scripted.submitted.length, 1, 'the window of the evening before is open at midnight')
    assert.equal(scripted.submitted[0]?.schedule.name, 'full')
    scripted.finish('1', 0)
    for (let day = 0; day < 8; day++) {
      const before = scripted.submitted.length
      await clock.advance(dayMs)
      for (let job = before; job < scripted.submitted.length; job++) scripted.finish(String(job + 1), 0)
      await clock.advance(0)
    }
    assert.deepEqual(
      scripted.submitted.map((request) => request.schedule.name),
      ['full', 'incr', 'incr', 'incr', 'incr', 'incr', 'incr', 'full', 'incr'],
    )
  })

  test('nothing starts outside a window', async ({ scheduler, clock, scripted }) => {
    await clock.advance(7 * hourMs)
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await clock.advance(10.9 * hourMs)
    assert.equal(scripted.submitted.length, 0)
    await clock.advance(0.2 * hourMs)
    assert.equal(scripted.submitted.length, 1)
  })

  test('a failed job is tried again after the delay, and then only when tries have aged out', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await clock.advance(1000)
    scripted.finish('1', 84)
    await clock.advance(9 * 60_000)
    assert.equal(scripted.submitted.length, 1)
    await clock.advance(2 * 60_000)
    assert.equal(scripted.submitted.length, 2)
    scripted.finish('2', 84)
    await clock.advance(11 * hourMs)
    assert.equal(scripted.submitted.length, 2, 'two tries in twelve hours')
    await clock.advance(8 * hourMs)
    assert.equal(scripted.submitted.length, 3, 'the window of 18:00 is open and both tries have aged out')
  })

  test('a run by hand starts at once and counts as the last backup', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await clock.advance(10 * hourMs)
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    const { jobIds } = await scheduler.runNow({ policy: 'nightly' })
    assert.deepEqual(jobIds, ['1'])
    assert.equal(scripted.submitted[0]?.schedule.type, 'full', 'the fullest unless told otherwise')
    scripted.finish('1', 0)
    await clock.advance(20 * hourMs)
    assert.equal(scripted.submitted.length, 1, 'the night between is skipped: a day has not passed')
    await clock.advance(12.1 * hourMs)
    assert.equal(scripted.submitted.length, 2)
  })

  test('runs by hand that cannot be meant are refused', async ({ scheduler }) => {
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'off', active: false }) })
    await assert.rejects(scheduler.runNow({ policy: 'none' }), { code: 'policy-unknown', status: 230 })
    await assert.rejects(scheduler.runNow({ policy: 'off' }), { code: 'policy-inactive', status: 247 })
    await assert.rejects(scheduler.runNow({ policy: 'nightly', schedule: 'x' }), {
      code: 'schedule-unknown',
      status: 240,
    })
    const usr: Schedule = { name: 'usr', type: 'user-backup', windows: [], retentionLevel: 1 }
    await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'own', schedules: [usr] }) })
    await assert.rejects(scheduler.runNow({ policy: 'own', schedule: 'usr' }), {
      code: 'argument-invalid',
    })
    await assert.rejects(scheduler.runNow({ policy: 'own' }), {
      code: 'schedule-unknown',
      message: /policy own has no schedule that could be started; those it has are for users: usr/,
    })
    await assert.rejects(scheduler.runNow({ policy: 'nightly', client: 'x' }), {
      code: 'client-not-in-policy',
      status: 239,
    })
    await assert.rejects(scheduler.removePolicy({ name: 'none' }), { code: 'policy-unknown' })
  })

  test('tasks tell what runs, what waits until when, and what is inactive', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await scheduler.putPolicy({ policy: nightlyPolicy({ clients: ['web1', 'web2'] }) })
    await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'off', active: false }) })
    await clock.advance(1000)
    scripted.finish('1', 0)
    await clock.advance(1000)
    const tasks = await collect(scheduler.tasks({}))
    const states = Object.fromEntries(tasks.map((task) => [`${task.policy}/${task.client}`, task.state]))
    assert.deepEqual(states, { 'nightly/web1': 'waiting', 'nightly/web2': 'running', 'off/web1': 'inactive' })
    const waiting = tasks.find((task) => task.state === 'waiting')
    assert.equal(waiting?.lastStatus, 0)
    assert.equal(waiting?.next?.schedule, 'incr')
    assert.equal(waiting?.next?.startsAt, Date.UTC(2026, 0, 1, 18))
  })

  test('a preview tells what would start, in order, and starts nothing', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await scheduler.putPolicy({ policy: nightlyPolicy({ active: true, effectiveAt: clock.now() + dayMs }) })
    const from = clock.now()
    const runs: PlannedRun[] = await collect(
      scheduler.preview({ policy: 'nightly', from, to: from + 9 * dayMs }),
    )
    assert.equal(runs[0]?.scheduleType, 'full')
    assert.ok(
      runs.every((run, index) => index === 0 || run.startsAt > (runs[index - 1] as PlannedRun).startsAt),
    )
    assert.equal(runs.filter((run) => run.scheduleType === 'full').length, 2)
    assert.equal(scripted.submitted.length, 0)
  })

  test('a preview of more than ten years is refused, and of a long one no more is worked out than is taken', async ({
    scheduler,
    clock,
  }) => {
    const [full] = nightlyPolicy().schedules as readonly [Schedule]
    const always = [{ weekday: 0, startSeconds: 0, durationSeconds: 604_800 }]
    const schedules = [{ ...full, frequencyMs: 60_000, windows: always }]
    await scheduler.putPolicy({ policy: nightlyPolicy({ schedules }) })
    const from = clock.now()
    for (const [field, span] of [
      ['to', { from, to: from + 99_999_999 * dayMs }],
      ['from', { from: 8e15, to: 8e15 + dayMs }],
    ] as const) {
      await assert.rejects(collect(scheduler.preview({ policy: 'nightly', ...span })), {
        code: 'argument-invalid',
        details: { field },
      })
    }
    let count = 0
    for await (const { startsAt } of scheduler.preview({
      policy: 'nightly',
      from,
      to: from + 3650 * dayMs,
    })) {
      if (count > 0) assert.equal(startsAt, from + count * 60_000)
      if (++count === 300) break
    }
    assert.equal(count, 300)
  })

  test('a job is told its tries, when its window closes, and how long its image is kept', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    await scheduler.putRetentionLevel({ level: 3, periodMs: 40 * dayMs })
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await clock.advance(1000)
    const [request] = scripted.submitted
    assert.deepEqual(request?.retry, { tries: 2, delayMs: 600_000 })
    assert.equal(request?.windowClosesAt, Date.UTC(2026, 0, 1, 6))
    assert.equal(request?.retentionMs, 40 * dayMs)
    assert.equal(request?.type, 'backup')
    const [task] = await collect(scheduler.tasks({}))
    assert.equal(task?.state, 'running')
    assert.equal(task?.stream, undefined)
  })

  test('a run by hand has no window to lose, and its tries count', async ({ scheduler, clock, scripted }) => {
    await clock.advance(10 * hourMs)
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await scheduler.runNow({ policy: 'nightly' })
    assert.equal(scripted.submitted[0]?.windowClosesAt, undefined)
    scripted.finish('1', 84, { attempts: 2 })
    await clock.advance(9 * hourMs)
    assert.equal(scripted.submitted.length, 1, 'both tries of twelve hours are used when the window opens')
    const [task] = await collect(scheduler.tasks({}))
    assert.equal(task?.state, 'blocked')
    assert.match(task?.reason ?? '', /2 of 2 tries in 12 hours are used/)
    await clock.advance(4 * hourMs)
    assert.equal(scripted.submitted.length, 2)
  })

  test('a calendar schedule runs on its days, and not on excluded ones', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    const [full] = nightlyPolicy().schedules
    const { frequencyMs: _, ...rest } = full as Schedule
    const calendar = {
      weekdays: [{ weekday: 5, week: 'last' as const }],
      daysOfMonth: [15],
      retryAfterRunDay: false,
    }
    const exclude = { dates: ['2026-01-15'] }
    await scheduler.putPolicy({
      policy: nightlyPolicy({ schedules: [{ ...rest, calendar, exclude }] }),
    })
    for (let day = 0; day < 30; day++) {
      await clock.advance(dayMs)
      for (const [index] of scripted.submitted.entries()) scripted.finish(String(index + 1), 0)
    }
    const runs = await collect(
      scheduler.preview({ policy: 'nightly', from: clock.now(), to: clock.now() + 30 * dayMs }),
    )
    const days = (runs: readonly PlannedRun[]): string[] =>
      runs.map(({ startsAt }) => new Date(startsAt).toISOString().slice(0, 16))
    assert.equal(scripted.submitted.length, 1, '30 January, and not 15 January')
    assert.deepEqual(days(runs), ['2026-02-15T18:00', '2026-02-27T18:00'])
  })

  test('streams that are due at once are parts of one job, and each has a task and tries of its own', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    const selections = [toPath('/srv'), toPath('/home')]
    await scheduler.putPolicy({ policy: nightlyPolicy({ selections, multipleStreams: true }) })
    await clock.advance(1000)
    assert.equal(scripted.submitted.length, 1)
    assert.deepEqual(scripted.submitted[0]?.streamSet, ['/srv', '/home'])
    assert.deepEqual(
      scripted.submitted[0]?.streams?.map(({ name, selections }) => [name, selections]),
      [
        ['/srv', ['/srv']],
        ['/home', ['/home']],
      ],
    )
    scripted.finish('1.1', 0)
    scripted.finish('1.2', 84, { attempts: 1 })
    await clock.advance(11 * 60_000)
    const tasks = await collect(scheduler.tasks({ policy: 'nightly' }))
    assert.deepEqual(
      tasks.map(({ stream, state, lastStatus }) => [stream, state, lastStatus]),
      [
        ['/home', 'running', 84],
        ['/srv', 'waiting', 0],
      ],
    )
    assert.equal(scripted.submitted.length, 2)
    assert.deepEqual(
      scripted.submitted[1]?.streams?.map(({ name, retry }) => [name, retry?.tries]),
      [['/home', 1]],
    )
    assert.deepEqual(scripted.submitted[1]?.streamSet, ['/srv', '/home'])
  })

  test('a user backs up and archives inside a window of a user schedule, once per request', async ({
    scheduler,
    clock,
    scripted,
  }) => {
    const windows = [{ weekday: 4, startSeconds: 9 * 3600, durationSeconds: 8 * 3600 }]
    const user = (name: string, type: ScheduleType): Schedule => ({ name, type, windows, retentionLevel: 1 })
    const schedules = [user('user', 'user-backup'), user('archive', 'user-archive')]
    await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'users', schedules }) })
    const request = {
      requestId: 'r1',
      client: 'web1',
      type: 'user-backup' as const,
      paths: [toPath('/home/ann')],
    }
    await assert.rejects(scheduler.runForUser(request), { code: 'outside-window', status: 199 })
    await assert.rejects(scheduler.runForUser({ ...request, client: 'web2' }), {
      code: 'schedule-type-missing',
      status: 198,
    })
    await assert.rejects(scheduler.runForUser({ ...request, policy: 'users', client: 'web2' }), {
      code: 'client-not-in-policy',
    })
    await assert.rejects(scheduler.runForUser({ ...request, policy: 'none' }), { code: 'policy-unknown' })
    await assert.rejects(scheduler.runForUser({ ...request, policy: 'users', schedule: 'x' }), {
      code: 'schedule-unknown',
    })
    await assert.rejects(scheduler.runForUser({ ...request, paths: [toPath('relative')] }), {
      code: 'argument-invalid',
      details: { field: 'paths[0]' },
    })
    await clock.advance(10 * hourMs)
    assert.equal(scripted.submitted.length, 0, 'user schedules start nothing by themselves')
    assert.deepEqual(await scheduler.runForUser(request), { jobId: '1' })
    assert.deepEqual(await scheduler.runForUser({ ...request, requestId: 'r2', type: 'user-archive' }), {
      jobId: '2',
    })
    assert.deepEqual(
      scripted.submitted.map(({ type, origin, selections, retry }) => [
        type,
        origin,
        selections,
        retry?.tries ?? 1,
      ]),
      [
        ['backup', 'user', ['/home/ann'], 1],
        ['archive', 'user', ['/home/ann'], 1],
      ],
    )
    scripted.finish('1', 84)
    await clock.advance(9 * hourMs)
    assert.deepEqual(await scheduler.runForUser(request), { jobId: '1' }, 'also when the window has closed')
    assert.equal(scripted.submitted.length, 2, 'it is not tried again')
  })

  test('the retention table has 101 levels, of which two are fixed', async ({ scheduler }) => {
    const before = await scheduler.retentionLevels({})
    assert.equal(before.length, 101)
    assert.deepEqual(before[1], { level: 1, periodMs: 14 * dayMs })
    await scheduler.putRetentionLevel({ level: 10, periodMs: 3650 * dayMs })
    await scheduler.putRetentionLevel({ level: 1, periodMs: null })
    const after = await scheduler.retentionLevels({})
    assert.deepEqual(
      [after[1], after[10]],
      [
        { level: 1, periodMs: null },
        { level: 10, periodMs: 3650 * dayMs },
      ],
    )
    for (const level of [9, 25, 101, -1]) {
      await assert.rejects(scheduler.putRetentionLevel({ level, periodMs: dayMs }), {
        code: 'argument-invalid',
        details: { field: 'level' },
      })
    }
    await assert.rejects(scheduler.putRetentionLevel({ level: 1, periodMs: -1 }), {
      code: 'argument-invalid',
      details: { field: 'periodMs' },
    })
  })

  test('a removed policy starts nothing any more', async ({ scheduler, clock, scripted }) => {
    await clock.advance(10 * hourMs)
    await scheduler.putPolicy({ policy: nightlyPolicy() })
    await scheduler.removePolicy({ name: 'nightly' })
    await clock.advance(3 * dayMs)
    assert.equal(scripted.submitted.length, 0)
    assert.equal((await collect(scheduler.tasks({}))).length, 0)
  })
}
