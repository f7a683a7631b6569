import type { DayRule, Policy, Schedule, StartWindow } from '@nb/contracts'
import { nightlyPolicy } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { previewRuns } from '../src/preview.ts'
import { windowAt } from '../src/windows.ts'
import { propertyRuns } from './property-runs.ts'
import { MinuteByMinute, slowRuns } from './slow-model.ts'

t.setTimeout(3_600_000)

const dayMs = 86_400_000
const zones = [
  'Europe/Vienna',
  'Europe/London',
  'Europe/Lisbon',
  'Europe/Moscow',
  'Europe/Istanbul',
  'Africa/Casablanca',
  'Africa/Cairo',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Santiago',
  'America/Caracas',
  'America/Havana',
  'America/Asuncion',
  'Atlantic/Azores',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Asia/Gaza',
  'Asia/Pyongyang',
  'Australia/Lord_Howe',
  'Australia/Sydney',
  'Antarctica/Troll',
  'Pacific/Apia',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Norfolk',
  'UTC',
]
/** Ten years that hold what is rare: Samoa's lost day, the end of Brazil's summer time, Morocco's and Egypt's Ramadans. */
const firstYear = Date.UTC(2010, 0, 1)
const tenYearsMs = 3652 * dayMs

const minutes = (least: number, most: number) => fc.integer({ min: least, max: most }).map((n) => n * 60)
const window: fc.Arbitrary<StartWindow> = fc.record({
  weekday: fc.nat(6),
  // Half of all windows begin in the hours in which clocks change.
  startSeconds: fc.oneof(minutes(0, 1439), minutes(0, 240), minutes(1380, 1439)),
  durationSeconds: fc.oneof(minutes(1, 90), minutes(60, 720), minutes(720, 1440), minutes(1441, 10_080)),
})
const everyNight = fc
  .record({ startSeconds: minutes(0, 1439), durationSeconds: minutes(1, 1440) })
  .map((night) => Array.from({ length: 7 }, (_, weekday) => ({ weekday, ...night })))
const windows = fc.oneof(everyNight, fc.array(window, { minLength: 1, maxLength: 5 }))

const week = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('last' as const))
const dayRule = (dates: readonly string[]): fc.Arbitrary<DayRule> =>
  fc.oneof(
    fc.record({ dates: fc.subarray([...dates], { minLength: 1, maxLength: 4 }) }),
    fc.record({
      weekdays: fc.array(
        fc
          .tuple(fc.nat(6), fc.option(week, { nil: undefined }))
          .map(([weekday, n]) => (n === undefined ? { weekday } : { weekday, week: n })),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    fc.record({
      daysOfMonth: fc.array(fc.oneof(fc.integer({ min: 1, max: 28 }), fc.constant('last' as const)), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  )

const schedule = (dates: readonly string[]) =>
  fc
    .record({
      type: fc.constantFrom('full' as const, 'differential' as const, 'cumulative' as const),
      when: fc.oneof(
        fc.integer({ min: 1, max: 8 }).map((days) => ({ frequencyMs: days * dayMs })),
        fc.integer({ min: 60, max: 9000 }).map((n) => ({ frequencyMs: n * 60_000 })),
        fc
          .tuple(dayRule(dates), fc.boolean())
          .map(([rule, retryAfterRunDay]) => ({ calendar: { ...rule, retryAfterRunDay } })),
      ),
      exclude: fc.option(dayRule(dates), { nil: undefined, freq: 3 }),
      windows,
      retentionLevel: fc.nat(3),
    })
    .map(({ when, exclude, ...rest }): Omit<Schedule, 'name'> => ({
      ...rest,
      ...when,
      ...(exclude === undefined ? {} : { exclude }),
    }))

interface Case {
  readonly zone: string
  readonly from: number
  readonly to: number
  readonly policy: Policy
  readonly midnight: 'one-window' | 'two-windows'
}

const nameOf = (index: number): string => `s${index}`
/** A span of the ten years and a policy for it; half of all spans lie about a change of the zone's clock. */
const cases = (isLong: boolean): fc.Arbitrary<Case> =>
  fc
    .record({
      zone: fc.constantFrom(...zones),
      at: fc.nat(tenYearsMs / dayMs - 60),
      change: fc.option(fc.nat(100)),
      midnight: fc.constantFrom('one-window' as const, 'two-windows' as const),
    })
    .chain(({ zone, at, change, midnight }) => {
      const changes = change === null ? [] : changesOf(zone)
      const near = changes.length === 0 ? undefined : changes[(change ?? 0) % changes.length]
      const from = isLong ? firstYear : (near ?? firstYear + at * dayMs) - 10 * dayMs
      const to = isLong ? from + tenYearsMs : from + 30 * dayMs
      const span = (to - from) / dayMs
      const dates = Array.from({ length: 40 }, (_, n) =>
        new Date(from + Math.floor((n * span) / 40) * dayMs).toISOString().slice(0, 10),
      )
      return fc.array(schedule(dates), { minLength: 1, maxLength: 3 }).map((schedules) => ({
        zone,
        from,
        to,
        midnight,
        // Looking back for what could be made up takes the model long; the full count does.
        policy: nightlyPolicy({
          ...(isLong ? {} : { effectiveAt: from }),
          schedules: schedules.map((each, n) => ({ name: nameOf(n), ...each })),
        }),
      }))
    })

const foundChanges = new Map<string, number[]>()
/** The days on which a zone's clock changes. */
function changesOf(zone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  const offset = (at: number): string => format.format(at).replace(/.*GMT/, '')
  const found = foundChanges.get(zone) ?? []
  if (!foundChanges.has(zone)) {
    for (let at = firstYear; at < firstYear + tenYearsMs - 40 * dayMs; at += 7 * dayMs) {
      if (offset(at) === offset(at + 7 * dayMs)) continue
      const day = [0, 1, 2, 3, 4, 5, 6].find((n) => offset(at) !== offset(at + (n + 1) * dayMs))
      found.push(at + (day ?? 0) * dayMs)
    }
  }
  foundChanges.set(zone, found)
  return found
}

t.test('over every change of clocks, what starts is what a minute-by-minute walk would start', async (t) => {
  const { numRuns, seed, isLong } = propertyRuns(t, 50, 84)
  let starts = 0
  const seen = new Set<string>()
  fc.assert(
    fc.property(cases(isLong), ({ zone, from, to, policy, midnight }) => {
      const lookBack = isLong ? 460 : 20
      const time = new MinuteByMinute(zone, from - lookBack * dayMs, to + 20 * dayMs)
      const expected = slowRuns(policy, time, from, to, midnight)
      const options = { from, to: to - 1, timeZone: zone, calendarMidnight: midnight }
      const planned = [...previewRuns(policy, 'web1', new Map(), options)]
      starts += planned.length
      seen.add(zone)
      const shown = (each: { readonly schedule: string; readonly at: number }): string =>
        `${new Date(each.at).toISOString()} ${each.schedule}`
      const got = planned.map((run) => shown({ schedule: run.schedule, at: run.startsAt }))
      const wanted = expected.map(shown)
      const differs = wanted.findIndex((each, index) => each !== got[index])
      if (differs >= 0 || got.length !== wanted.length) {
        const at = differs < 0 ? wanted.length : differs
        throw new Error(`start ${at}: wanted ${wanted[at] ?? 'none'}, got ${got[at] ?? 'none'}`)
      }
      for (const run of planned) {
        const ran = policy.schedules.find(({ name }) => name === run.schedule)
        if (windowAt(ran?.windows ?? [], zone, run.startsAt) === undefined)
          throw new Error('outside a window')
        if (!(run.startsAt < run.closesAt && run.dueAt <= run.startsAt)) throw new Error('out of order')
      }
    }),
    { numRuns, seed },
  )
  t.comment(`${starts} starts in ${seen.size} zones, each where the model has it`)
  t.ok(starts > numRuns)
})

t.test('a daily backup runs once for each night, whatever the clock does', async (t) => {
  const { numRuns, seed, isLong } = propertyRuns(t, 60, 84)
  const daily = fc.record({
    zone: fc.constantFrom(...zones),
    windows: everyNight,
    change: fc.nat(1000),
    byCalendar: fc.boolean(),
  })
  fc.assert(
    fc.property(daily, ({ zone, windows, change, byCalendar }) => {
      const changes = changesOf(zone)
      const near = changes.length === 0 ? firstYear : (changes[change % changes.length] as number)
      const from = isLong ? firstYear : near - 5 * dayMs
      const days = isLong ? 3600 : 12
      const everyDay = { weekdays: windows.map(({ weekday }) => ({ weekday })), retryAfterRunDay: false }
      const when = byCalendar ? { calendar: everyDay } : { frequencyMs: dayMs }
      const policy = nightlyPolicy({
        schedules: [{ name: 'daily', type: 'full', windows, retentionLevel: 1, ...when }],
      })
      const options = { from, to: from + days * dayMs, timeZone: zone }
      const nights = [...previewRuns(policy, 'web1', new Map(), options)].map(
        (run) => windowAt(windows, zone, run.startsAt)?.day,
      )
      nights.forEach((night, index) => {
        if (index > 0 && night !== (nights[index - 1] as number) + 1) {
          throw new Error(`night ${nights[index - 1]} is followed by ${night}`)
        }
      })
      if (nights.length < days - 2) throw new Error(`${nights.length} nights of ${days}`)
    }),
    { numRuns, seed },
  )
  t.pass('never twice, never skipped')
})
