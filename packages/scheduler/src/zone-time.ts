import { Temporal } from 'temporal-polyfill'
import { type DayNumber, dayMs } from './days.ts'

/** A span in which a zone's wall clock runs evenly. Instants and the offset are milliseconds; `to` itself is outside. */
interface EvenSpan {
  readonly from: number
  readonly to: number
  readonly offsetMs: number
}

/** Spans are looked up by pieces of time of this length, so that each is asked of the zone's rules once. */
const pieceMs = 256 * dayMs
/** No wall clock is further from UTC. */
const farthestMs = 2 * dayMs
const known = new Map<string, Map<number, readonly EvenSpan[]>>()
/** What was looked up last: nearly always what is looked up next. */
let latest: { readonly zone: string; readonly piece: number; readonly spans: readonly EvenSpan[] } | undefined

/**
 * The instant of a wall-clock time, given in seconds since the midnight that begins `day`; may lie days later. It is the
 * first moment at which the zone's wall clock shows that time or a later one: the end of the gap where daylight saving
 * skips it, the first occurrence where it repeats.
 */
export function wallClock(day: DayNumber, seconds: number, zone: string): number {
  const wall = day * dayMs + seconds * 1000
  for (const span of spansAround(wall, zone)) {
    if (span.to + span.offsetMs > wall) return Math.max(span.from, wall - span.offsetMs)
  }
  throw new RangeError(`no such wall-clock time: ${wall} in ${zone}`)
}

/** The wall clock at an instant, as milliseconds since its own 1970-01-01. */
export function localTime(at: number, zone: string): number {
  for (const span of spansAround(at, zone)) if (span.from <= at && at < span.to) return at + span.offsetMs
  throw new RangeError(`no such instant: ${at}`)
}

/** The day that the zone's calendar shows at an instant. */
export function localDay(at: number, zone: string): DayNumber {
  return Math.floor(localTime(at, zone) / dayMs)
}

/** When the zone's day begins: its midnight, or the end of a gap that swallows it. */
export function startOfDay(day: DayNumber, zone: string): number {
  return wallClock(day, 0, zone)
}

/** A moment, some whole days later by the calendar of the zone: the same time of day where there is one. */
export function addDays(at: number, days: number, zone: string): number {
  const local = localTime(at, zone)
  const day = Math.floor(local / dayMs)
  return wallClock(day + days, (local - day * dayMs) / 1000, zone)
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

/** The even spans of a zone from two days before a moment to two days after, in order. */
function spansAround(at: number, zone: string): readonly EvenSpan[] {
  const piece = Math.floor(at / pieceMs)
  if (latest?.piece === piece && latest.zone === zone) return latest.spans
  const ofZone = known.get(zone) ?? new Map<number, readonly EvenSpan[]>()
  known.set(zone, ofZone)
  const spans = ofZone.get(piece) ?? spansOf(piece, zone)
  ofZone.set(piece, spans)
  latest = { zone, piece, spans }
  return spans
}

function spansOf(piece: number, zone: string): readonly EvenSpan[] {
  const first = piece * pieceMs - farthestMs
  const end = (piece + 1) * pieceMs + farthestMs
  const spans: EvenSpan[] = []
  for (let from = first; from < end;) {
    const local = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(zone)
    const change = local.getTimeZoneTransition('next')?.epochMilliseconds ?? end
    const to = Math.min(change, end)
    spans.push({ from, to, offsetMs: Math.round(local.offsetNanoseconds / 1e6) })
    from = to
  }
  return spans
}
