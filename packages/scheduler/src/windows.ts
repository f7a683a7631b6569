import type { DayRule, StartWindow } from '@nb/contracts'
import { type DayNumber, dayMs, isMeant, weekdayOf } from './days.ts'
import { localDay, startOfDay, wallClock } from './zone-time.ts'

/** One opening of a start window. Instants are milliseconds since the epoch; `closesAt` itself is outside. */
export interface OpenWindow {
  readonly opensAt: number
  readonly closesAt: number
}

/** An opening with the day and the window it comes from. */
export interface WindowOpening extends OpenWindow {
  /** The day it opens on by the wall clock, also where daylight saving moves the moment to another. */
  readonly day: DayNumber
  readonly window: StartWindow
}

/** The first moment of an open window. */
export interface Opening extends OpenWindow {
  /** At or after the moment asked for, and inside the window. */
  readonly startsAt: number
}

/** When starts are allowed. */
export interface StartTimes {
  readonly windows: readonly StartWindow[]
  /** Days on which nothing starts. */
  readonly exclude?: DayRule
}

/** Without excluded days every window comes within a week. */
const horizonDays = 15
/** How far ahead a rule of days is followed, in days: five years. */
export const ruleHorizonDays = 1830
const secondsOfDay = 86_400

/**
 * The first moment at or after `from` at which one of the windows is open; `undefined` when there is none.
 *
 * Windows are wall-clock times of the zone. Where a daylight-saving change skips an edge, the edge is the end of the
 * skipped span; a window that lies wholly inside it opens there and keeps its duration. Where the wall clock repeats, an
 * edge is its first occurrence, so that nothing opens twice.
 */
export function firstOpening(
  windows: readonly StartWindow[],
  zone: string,
  from: number,
): Opening | undefined {
  return firstStart({ windows }, zone, from)
}

/** As {@link firstOpening}, with excluded days. */
export function firstStart(times: StartTimes, zone: string, from: number): Opening | undefined {
  const { windows, exclude } = times
  if (windows.length === 0) return undefined
  if (exclude !== undefined) return soonest(times, zone, from, ruleHorizonDays)
  const openings = openingsOf(windows, zone)
  // Clients of a policy ask for the same moment one after the other, those of other policies with the same windows between.
  const { answers } = openings
  let answer = answers.get(from)
  if (answer !== undefined) return answer
  answer = soonest(times, zone, from, horizonDays)
  if (answers.size >= mostAnswers) answers.clear()
  if (answer !== undefined) answers.set(from, answer)
  return answer
}

function soonest(times: StartTimes, zone: string, from: number, lookAheadDays: number): Opening | undefined {
  const today = localDay(from, zone)
  let best: Opening | undefined
  const firstDay = today - lookBackDays(times.windows, zone)
  for (let day = firstDay; day <= today + lookAheadDays; day++) {
    // Nothing that opens on this day or later can open before its midnight, which lies within two days of UTC's.
    if (best !== undefined && (day - 2) * dayMs > best.startsAt) break
    for (const open of startSpans(times, zone, day)) {
      if (open.closesAt <= from) continue
      const startsAt = Math.max(open.opensAt, from)
      const sooner = best === undefined || startsAt < best.startsAt
      if (sooner || (startsAt === best?.startsAt && open.closesAt > best.closesAt)) {
        best = { opensAt: open.opensAt, closesAt: open.closesAt, startsAt }
      }
    }
  }
  return best
}

/** The window that is open at a moment; of several the one that opened last. */
export function windowAt(
  windows: readonly StartWindow[],
  zone: string,
  at: number,
): WindowOpening | undefined {
  const openings = openingsOf(windows, zone)
  // Backups of a policy's clients begin in the same window.
  const { latest } = openings
  if (latest !== undefined && latest.from <= at && at < latest.to) return latest.found
  const found = openAt(openings, at)
  openings.latest = found === undefined ? undefined : whileFound(openings, found, at)
  return found
}

function openAt(openings: Openings, at: number): WindowOpening | undefined {
  const today = localDay(at, openings.zone)
  let found: WindowOpening | undefined
  for (let day = today - openings.lookBackDays; day <= today + 1; day++) {
    for (const open of openings.on(day)) {
      const contains = open.opensAt <= at && at < open.closesAt
      if (contains && (found === undefined || open.opensAt > found.opensAt)) found = open
    }
  }
  return found
}

/** The time around a moment at which the same opening is found as then: until another opens, and since one closed. */
function whileFound(openings: Openings, found: WindowOpening, at: number): Found {
  const today = localDay(at, openings.zone)
  let from = found.opensAt
  // Days are looked at up to tomorrow only.
  let to = Math.min(found.closesAt, startOfDay(today + 2, openings.zone))
  for (let day = today - openings.lookBackDays; day <= today + 1; day++) {
    for (const { opensAt, closesAt } of openings.on(day)) {
      if (opensAt > at) to = Math.min(to, opensAt)
      else if (opensAt >= found.opensAt && closesAt <= at) from = Math.max(from, closesAt)
    }
  }
  return { found, from, to }
}

/** All openings that begin on the days of the zone between two moments, both days included. */
export function openWindows(
  windows: readonly StartWindow[],
  zone: string,
  from: number,
  to: number,
): WindowOpening[] {
  const openings: WindowOpening[] = []
  for (let day = localDay(from, zone); day <= localDay(to, zone); day++) {
    openings.push(...openingsOn(windows, zone, day))
  }
  return openings
}

/** Whether a window is longer than a day, so that it has no night of its own: it counts day by day. */
export function isLong(window: StartWindow): boolean {
  return window.durationSeconds > secondsOfDay
}

/**
 * What of a day's openings excluded days leave. A window of up to a day that opens on an excluded day stays shut, its hours
 * after midnight too; of one that runs into an excluded day, the part on that day is cut off. A longer window loses the
 * excluded days and no others.
 */
export function startSpans(times: StartTimes, zone: string, day: DayNumber): readonly OpenWindow[] {
  const { windows, exclude } = times
  const openings = openingsOn(windows, zone, day)
  if (exclude === undefined || openings.length === 0) return openings
  return openings.flatMap((opening) =>
    !isLong(opening.window) && isMeant(exclude, opening.day) ? [] : without(opening, exclude, zone),
  )
}

function without(opening: WindowOpening, exclude: DayRule, zone: string): OpenWindow[] {
  const spans: OpenWindow[] = []
  const lastDay = localDay(opening.closesAt - 1, zone)
  for (let day = opening.day; day <= lastDay; day++) {
    if (isMeant(exclude, day)) continue
    const span = clipToDays(opening, zone, day, day)
    const before = spans.at(-1)
    if (span === undefined) continue
    if (before?.closesAt === span.opensAt) spans[spans.length - 1] = { ...before, closesAt: span.closesAt }
    else spans.push(span)
  }
  return spans
}

/** The part of a span from the beginning of one day to the end of another, if there is any. */
export function clipToDays(
  span: OpenWindow,
  zone: string,
  first: DayNumber,
  last: DayNumber,
): OpenWindow | undefined {
  const opensAt = Math.max(span.opensAt, startOfDay(first, zone))
  const closesAt = Math.min(span.closesAt, startOfDay(last + 1, zone))
  return opensAt < closesAt ? { opensAt, closesAt } : undefined
}

/** An opening, and the time at which it is the one that {@link windowAt} finds; `to` itself is outside. */
interface Found {
  readonly found: WindowOpening
  readonly from: number
  readonly to: number
}

/** What a list of windows comes to in a zone. */
class Openings {
  readonly zone: string
  /** How many days before a moment a window may have opened that is open then; a change of the wall clock may add one. */
  readonly lookBackDays: number
  /** What {@link firstStart} answered, by the moment that it was asked for. */
  readonly answers = new Map<number, Opening>()
  /** What {@link windowAt} found last. */
  latest: Found | undefined
  readonly #windows: readonly StartWindow[]
  readonly #days = new Map<DayNumber, readonly WindowOpening[]>()

  constructor(windows: readonly StartWindow[], zone: string) {
    this.#windows = windows
    this.zone = zone
    const ends = windows.map(({ startSeconds, durationSeconds }) => startSeconds + durationSeconds)
    this.lookBackDays = Math.floor(Math.max(0, ...ends) / secondsOfDay) + 1
  }

  /** Those that begin on a day. */
  on(day: DayNumber): readonly WindowOpening[] {
    const known = this.#days.get(day)
    if (known !== undefined) return known
    if (this.#days.size >= mostCachedDays) this.#days.clear()
    const weekday = weekdayOf(day)
    const openings = this.#windows
      .filter((window) => window.weekday === weekday)
      .map((window) => openingOf(window, day, this.zone))
    this.#days.set(day, openings)
    return openings
  }
}

const cache = new WeakMap<readonly StartWindow[], Openings>()
const mostCachedDays = 2000
const mostAnswers = 64

/** Worked out once per list of windows: lists are never changed. */
function openingsOf(windows: readonly StartWindow[], zone: string): Openings {
  const known = cache.get(windows)
  if (known?.zone === zone) return known
  const openings = new Openings(windows, zone)
  cache.set(windows, openings)
  return openings
}

/** How many days before a moment a window may have opened that is open then. */
export function lookBackDays(windows: readonly StartWindow[], zone: string): number {
  return openingsOf(windows, zone).lookBackDays
}

/** The openings that begin on a day, by the wall clock. */
export function openingsOn(
  windows: readonly StartWindow[],
  zone: string,
  day: DayNumber,
): readonly WindowOpening[] {
  return openingsOf(windows, zone).on(day)
}

function openingOf(window: StartWindow, day: DayNumber, zone: string): WindowOpening {
  const opensAt = wallClock(day, window.startSeconds, zone)
  const closesAt = wallClock(day, window.startSeconds + window.durationSeconds, zone)
  return {
    day,
    window,
    opensAt,
    closesAt: closesAt > opensAt ? closesAt : opensAt + window.durationSeconds * 1000,
  }
}
