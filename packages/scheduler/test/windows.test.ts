import fc from 'fast-check'
import t from 'tap'
import { firstOpening, openWindows, windowAt } from '../src/windows.ts'
import { addDays } from '../src/zone-time.ts'
import { propertyRuns } from './property-runs.ts'

const iso = (at: number | undefined): string => new Date(at ?? NaN).toISOString()
const vienna = 'Europe/Vienna'
const at = (text: string): number => Date.parse(text)
const window = (weekday: number, startHour: number, hours: number) => ({
  weekday,
  startSeconds: Math.round(startHour * 3600),
  durationSeconds: Math.round(hours * 3600),
})

t.test('a window that crosses midnight is one window', async (t) => {
  const opening = firstOpening([window(4, 18, 12)], 'UTC', at('2026-01-02T02:00:00Z'))
  t.match(opening, { startsAt: at('2026-01-02T02:00:00Z'), opensAt: at('2026-01-01T18:00:00Z') })
  t.equal(iso(opening?.closesAt), '2026-01-02T06:00:00.000Z')
  t.equal(windowAt([window(4, 18, 12)], 'UTC', at('2026-01-02T06:00:00Z')), undefined, 'the end is outside')
})

t.test('a window keeps its wall-clock edges over a change to summer time', async (t) => {
  const opening = firstOpening([window(6, 18, 12)], vienna, at('2026-03-28T12:00:00Z'))
  t.equal(iso(opening?.opensAt), '2026-03-28T17:00:00.000Z')
  t.equal(iso(opening?.closesAt), '2026-03-29T04:00:00.000Z', '06:00 summer time, eleven hours later')
})

t.test('a window wholly inside the skipped hour opens at its end and keeps its duration', async (t) => {
  const opening = firstOpening([window(0, 2.25, 0.5)], vienna, at('2026-03-28T12:00:00Z'))
  t.equal(iso(opening?.opensAt), '2026-03-29T01:00:00.000Z')
  t.equal(iso(opening?.closesAt), '2026-03-29T01:30:00.000Z')
})

t.test('a window inside the repeated hour opens once', async (t) => {
  const openings = openWindows(
    [window(0, 2.25, 0.5)],
    vienna,
    at('2026-10-24T12:00:00Z'),
    at('2026-10-25T12:00:00Z'),
  )
  t.equal(openings.length, 1)
  t.equal(iso(openings[0]?.opensAt), '2026-10-25T00:15:00.000Z')
  t.equal(iso(openings[0]?.closesAt), '2026-10-25T00:45:00.000Z')
})

t.test('days later means the same time of day by the calendar of the zone', async (t) => {
  t.equal(iso(addDays(at('2026-03-28T17:00:00Z'), 1, vienna)), '2026-03-29T16:00:00.000Z')
  t.equal(
    iso(addDays(at('2026-03-28T01:30:00Z'), 1, vienna)),
    '2026-03-29T01:00:00.000Z',
    '02:30 does not exist',
  )
})

t.test('without windows nothing ever opens', async (t) => {
  t.equal(firstOpening([], 'UTC', 0), undefined)
})

t.test('the first opening is the earliest moment inside any window', async (t) => {
  const windows = fc.array(
    fc.record({
      weekday: fc.nat(6),
      startSeconds: fc.nat(86_399),
      durationSeconds: fc.integer({ min: 1, max: 604_800 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  const zone = fc.constantFrom(
    'UTC',
    vienna,
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'Africa/Casablanca',
  )
  const from = fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') })
  fc.assert(
    fc.property(windows, zone, from, (windows, zone, from) => {
      const opening = firstOpening(windows, zone, from)
      if (opening === undefined) return false
      const inside = opening.opensAt <= opening.startsAt && opening.startsAt < opening.closesAt
      const open = windowAt(windows, zone, opening.startsAt) !== undefined
      const notBefore = opening.startsAt >= from
      const early =
        opening.startsAt === from ||
        windowAt(windows, zone, Math.max(from, opening.startsAt - 1)) === undefined
      return inside && open && notBefore && early
    }),
    { numRuns: 300 },
  )
  t.pass('300 random sets of windows in six zones')
})

t.test('which window is open does not depend on what was asked before', async (t) => {
  const windows = fc.array(
    fc.record({
      weekday: fc.nat(6),
      startSeconds: fc.nat(23).map((hour) => hour * 3600),
      durationSeconds: fc
        .oneof(fc.integer({ min: 1, max: 48 }), fc.constant(168))
        .map((hours) => hours * 3600),
    }),
    { minLength: 1, maxLength: 5 },
  )
  const zone = fc.constantFrom('UTC', vienna, 'Australia/Lord_Howe')
  // A week around a change of the wall clock in Vienna, by quarters of an hour.
  const first = at('2026-03-26T00:00:00Z')
  const moments = fc.array(
    fc.nat(7 * 96).map((quarter) => first + quarter * 900_000),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(windows, zone, moments, (windows, zone, moments) =>
      moments.every((moment) => {
        const fresh = windowAt([...windows], zone, moment)
        const asked = windowAt(windows, zone, moment)
        return fresh?.opensAt === asked?.opensAt && fresh?.window === asked?.window
      }),
    ),
    propertyRuns(t, 200, 5000),
  )
})
