import type { StartWindow } from '@nb/contracts'
import { Temporal } from 'temporal-polyfill'

/** One opening of a start window. Instants are milliseconds since the epoch; `closesAt` itself is outside. */
export interface OpenWindow {
  readonly opensAt: number
  readonly closesAt: number
}

/** The first moment of an open window. */
export interface Opening extends OpenWindow {
  /** At or after the moment asked for, and inside the window. */
  readonly startsAt: number
}

const dayMs = 86_400_000
/** A window is at most a week long and comes every week. */
const longestWindowDays = 8
const horizonDays = 15

/**
 * The first moment at or after `from` at which one of the windows is open; `undefined` without windows.
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
  let best: Opening | undefined
  for (const open of openWindows(
    windows,
    zone,
    from - longestWindowDays * dayMs,
    from + horizonDays * dayMs,
  )) {
    if (open.closesAt <= from) continue
    const startsAt = Math.max(open.opensAt, from)
    if (
      best === undefined ||
      startsAt < best.startsAt ||
      (startsAt === best.startsAt && open.closesAt > best.closesAt)
    ) {
      best = { ...open, startsAt }
    }
  }
  return best
}

/** The window that is open at a moment; of several the one that opened last. */
export function windowAt(windows: readonly StartWindow[], zone: string, at: number): OpenWindow | undefined {
  let found: OpenWindow | undefined
  for (const open of openWindows(windows, zone, at - longestWindowDays * dayMs, at)) {
    const contains = open.opensAt <= at && at < open.closesAt
    if (contains && (found === undefined || open.opensAt > found.opensAt)) found = open
  }
  return found
}

/** All openings that begin on the days of the zone between two moments, both days included. */
export function openWindows(
  windows: readonly StartWindow[],
  zone: string,
  from: number,
  to: number,
): OpenWindow[] {
  const last = localDate(to, zone)
  const openings: OpenWindow[] = []
  for (
    let date = localDate(from, zone);
    Temporal.PlainDate.compare(date, last) <= 0;
    date = date.add({ days: 1 })
  ) {
    const weekday = date.dayOfWeek % 7
    for (const window of windows) if (window.weekday === weekday) openings.push(openingOn(date, window, zone))
  }
  return openings
}

function openingOn(date: Temporal.PlainDate, window: StartWindow, zone: string): OpenWindow {
  const opensAt = wallClock(date, window.startSeconds, zone)
  const closesAt = wallClock(date, window.startSeconds + window.durationSeconds, zone)
  return { opensAt, closesAt: closesAt > opensAt ? closesAt : opensAt + window.durationSeconds * 1000 }
}

/** The instant of a wall-clock time, given in seconds since the midnight that begins `date`; may lie days later. */
function wallClock(date: Temporal.PlainDate, seconds: number, zone: string): number {
  const wall = date.toPlainDateTime().add({ seconds })
  const earlier = wall.toZonedDateTime(zone, { disambiguation: 'earlier' })
  if (earlier.toPlainDateTime().equals(wall)) return earlier.epochMilliseconds
  return earlier.getTimeZoneTransition('next')?.epochMilliseconds ?? earlier.epochMilliseconds
}

function localDate(at: number, zone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate()
}

/** A moment, some whole days later by the calendar of the zone: the same time of day where there is one. */
export function addDays(at: number, days: number, zone: string): number {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  return wallClock(local.toPlainDate().add({ days }), secondsOfDay(local), zone)
}

function secondsOfDay(local: Temporal.ZonedDateTime): number {
  return local.hour * 3600 + local.minute * 60 + local.second
}

/** Whether the host knows a time zone of that name. */
export function isTimeZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
    return true
  } catch {
    return false
  }
}
