import type { DayRule, Policy, Schedule, StartWindow } from '@nb/contracts'

/**
 * A scheduler that is slow and obvious: it walks real time minute by minute, reads the wall clock of each from `Intl`, and
 * asks at each whether something starts. It shares no code with the package. Windows are of whole minutes.
 */

const minuteMs = 60_000
const dayMinutes = 1440
const rank: Record<string, number> = { full: 3, cumulative: 2, differential: 1 }

/** The wall clock of a zone, minute by minute. Minutes are numbered from the first. */
export class MinuteByMinute {
  /** Wall-clock minutes since its own 1970-01-01T00:00. */
  readonly wall: Int32Array
  readonly #first: Int32Array
  readonly #base: number
  readonly #start: number

  constructor(zone: string, from: number, to: number) {
    this.#start = Math.floor(from / minuteMs)
    const count = Math.ceil(to / minuteMs) - this.#start
    this.wall = new Int32Array(count)
    const offset = offsetReader(zone)
    // No zone has changed its clock there and back within six hours.
    for (let piece = 0; piece < count; piece += 360) {
      const last = Math.min(piece + 359, count - 1)
      const atFirst = offset(this.#instant(piece))
      const isEven = atFirst === offset(this.#instant(last))
      for (let minute = piece; minute <= last; minute++) {
        const offsetMinutes = isEven ? atFirst : offset(this.#instant(minute))
        this.wall[minute] = this.#start + minute + offsetMinutes
      }
    }
    this.#base = this.wall[0] as number
    this.#first = new Int32Array(count + 2 * dayMinutes).fill(count)
    let reached = this.#base - 1
    for (let minute = 0; minute < count; minute++) {
      for (; reached < (this.wall[minute] as number); reached++)
        this.#first[reached + 1 - this.#base] = minute
    }
  }

  /** The first minute at which the wall clock shows this minute or a later one. */
  firstAt(wallMinute: number): number {
    return wallMinute < this.#base ? 0 : (this.#first[wallMinute - this.#base] ?? this.wall.length)
  }

  instant(minute: number): number {
    return this.#instant(minute)
  }

  minuteOf(instant: number): number {
    return Math.floor(instant / minuteMs) - this.#start
  }

  /** The first and last day that the wall clock shows whole. */
  get days(): readonly [number, number] {
    const last = this.wall.at(-1) as number
    return [Math.floor(this.#base / dayMinutes) + 1, Math.floor(last / dayMinutes) - 1]
  }

  #instant(minute: number): number {
    return (this.#start + minute) * minuteMs
  }
}

function offsetReader(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    timeZoneName: 'longOffset',
    year: 'numeric',
  })
  return (instant) => {
    const text = format.format(instant)
    const found = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text)
    if (found === null) throw new Error(text)
    const minutes = Number(found[2] ?? 0) * 60 + Number(found[3] ?? 0)
    return found[1] === '-' ? -minutes : minutes
  }
}

/** From one minute up to another; the last is outside. */
interface Span {
  readonly open: number
  readonly close: number
  readonly day: number
  readonly window: StartWindow
}

interface Started {
  readonly schedule: string
  readonly at: number
}

/** What starts from a moment on when every run succeeds at once. */
export function slowRuns(
  policy: Policy,
  time: MinuteByMinute,
  from: number,
  to: number,
  midnight: 'one-window' | 'two-windows',
): Started[] {
  const schedules = policy.schedules.map((schedule) =>
    prepare(schedule, time, midnight, policy.effectiveAt ?? -Infinity),
  )
  const last = new Map<string, number>()
  const started: Started[] = []
  let notBefore = from
  // What is due changes only when something starts, or another run day begins.
  const known = new Map<Prepared, { readonly when: number; readonly due: number }>()
  for (let minute = time.minuteOf(from); minute < time.minuteOf(to); minute++) {
    for (;;) {
      let best: { readonly at: number; readonly schedule: Prepared } | undefined
      for (const each of schedules) {
        if (each.open[minute] !== 1) continue
        const when = started.length + each.runDayAt(minute) * 1e6
        if (known.get(each)?.when !== when) {
          known.set(each, { when, due: each.dueAt(minute, last, schedules) })
        }
        const { due } = known.get(each) as { readonly due: number }
        const at = Math.max(time.instant(minute), notBefore, due)
        if (at >= time.instant(minute + 1)) continue
        if (best === undefined || at < best.at || (at === best.at && outranks(each, best.schedule)))
          best = { at, schedule: each }
      }
      if (best === undefined) break
      started.push({ schedule: best.schedule.schedule.name, at: best.at })
      last.set(best.schedule.schedule.name, best.at)
      notBefore = best.at + 1
    }
  }
  return started
}

interface Prepared {
  readonly schedule: Schedule
  /** 1 for each minute in which it may start. */
  readonly open: Uint8Array
  /** When it is due, seen from a minute; `Infinity` when not. */
  dueAt(minute: number, last: ReadonlyMap<string, number>, all: readonly Prepared[]): number
  /** The current run day; 0 without a calendar. */
  runDayAt(minute: number): number
  /** The day that a success counts for. */
  dayOf(at: number): number
  /** A whole number of days after a success that started then. */
  daysAfter(at: number, days: number): number
}

function outranks(a: Prepared, b: Prepared): boolean {
  const one = a.schedule
  const other = b.schedule
  if (one.retentionLevel !== other.retentionLevel) return one.retentionLevel > other.retentionLevel
  if (frequency(one) !== frequency(other)) return frequency(one) > frequency(other)
  return (rank[one.type] ?? 0) > (rank[other.type] ?? 0)
}

function frequency(schedule: Schedule): number {
  return schedule.calendar === undefined ? (schedule.frequencyMs ?? 0) : dayMinutes * minuteMs
}

function comparable(schedule: Schedule, other: Schedule): boolean {
  if (schedule.name === other.name) return true
  return frequency(other) >= frequency(schedule) && (rank[other.type] ?? 0) >= (rank[schedule.type] ?? 0)
}

function prepare(schedule: Schedule, time: MinuteByMinute, midnight: string, effectiveAt: number): Prepared {
  const [firstDay, lastDay] = time.days
  const spans: Span[] = []
  for (let day = firstDay; day <= lastDay; day++) {
    for (const window of schedule.windows) {
      if (window.weekday !== new Date(day * dayMinutes * minuteMs).getUTCDay()) continue
      const begins = day * dayMinutes + window.startSeconds / 60
      const open = time.firstAt(begins)
      const close = time.firstAt(begins + window.durationSeconds / 60)
      spans.push({ day, window, open, close: close > open ? close : open + window.durationSeconds / 60 })
    }
  }
  const isExcluded = onceADay((day) => schedule.exclude !== undefined && says(schedule.exclude, day))
  const isLong = (span: Span): boolean => span.window.durationSeconds > 86_400
  const dayOfMinute = dayNumbers(time, firstDay, lastDay)
  const mayStart = new Uint8Array(time.wall.length)
  for (const span of spans) {
    if (!isLong(span) && isExcluded(span.day)) continue
    for (let minute = span.open; minute < span.close; minute++) {
      if (schedule.exclude === undefined || !isExcluded(dayOfMinute[minute] as number)) mayStart[minute] = 1
    }
  }
  const inWindow = (at: number): Span | undefined => {
    const minute = time.minuteOf(at)
    let found: Span | undefined
    for (const span of spansAround(spans, minute)) {
      if (span.open <= minute && minute < span.close && (found === undefined || span.open > found.open))
        found = span
    }
    return found
  }
  const daysAfter = (at: number, days: number): number => {
    const span = inWindow(at)
    if (span !== undefined && !isLong(span)) {
      return time.instant(time.firstAt((span.day + days) * dayMinutes + span.window.startSeconds / 60))
    }
    const minute = time.minuteOf(at)
    const wanted = (time.wall[minute] as number) + days * dayMinutes
    const found = time.firstAt(wanted)
    return time.instant(found) + (time.wall[found] === wanted ? at - time.instant(minute) : 0)
  }
  const shared = { schedule, daysAfter }
  const { calendar } = schedule
  if (calendar === undefined) {
    return {
      ...shared,
      open: mayStart,
      dayOf: (at) => {
        const span = inWindow(at)
        const today = Math.floor((time.wall[time.minuteOf(at)] as number) / dayMinutes)
        return midnight === 'two-windows' || span === undefined || isLong(span) ? today : span.day
      },
      runDayAt: () => 0,
      dueAt: (_minute, last, all) => {
        let due = 0
        for (const other of all) {
          const at = last.get(other.schedule.name)
          if (at === undefined || !comparable(schedule, other.schedule)) continue
          const every = frequency(schedule)
          const days = every / (dayMinutes * minuteMs)
          due = Math.max(due, Number.isInteger(days) ? other.daysAfter(at, days) : at + every)
        }
        return due
      },
    }
  }

  // Each minute belongs to the latest run day that has it; `opened` tells the latest run day that has begun.
  const owner = new Int32Array(time.wall.length).fill(-1)
  const opened = new Int32Array(time.wall.length).fill(-1)
  const own = new Uint8Array(time.wall.length)
  /** Whether the latest run day that has begun may be made up for: none that began before the policy took effect may. */
  const mayBeMadeUp = new Set<number>()
  for (let day = firstDay; day <= lastDay; day++) {
    if (!says(calendar, day) || isExcluded(day)) continue
    const minutes = minutesOf(day, spans, time, midnight, isExcluded, isLong, dayOfMinute)
    const begin = minutes[0]
    if (begin === undefined) continue
    for (const minute of minutes) owner[minute] = day
    opened[begin] = day
    if (calendar.retryAfterRunDay && time.instant(begin) >= effectiveAt) mayBeMadeUp.add(day)
  }
  for (let minute = 1; minute < opened.length; minute++) {
    if (opened[minute] === -1) opened[minute] = opened[minute - 1] as number
  }
  for (let minute = 0; minute < own.length; minute++) {
    const isOwn = owner[minute] !== -1 && owner[minute] === opened[minute]
    const isMadeUp = mayStart[minute] === 1 && mayBeMadeUp.has(opened[minute] as number)
    if (isOwn || isMadeUp) own[minute] = 1
  }
  return {
    ...shared,
    open: own,
    dayOf: (at) => {
      const minute = time.minuteOf(at)
      const today = Math.floor((time.wall[minute] as number) / dayMinutes)
      if (owner[minute] !== -1) return owner[minute] as number
      const span = inWindow(at)
      return midnight === 'two-windows' || span === undefined || isLong(span) ? today : span.day
    },
    runDayAt: (minute) => opened[minute] as number,
    dueAt: (minute, last, all) => {
      for (const other of all) {
        const at = last.get(other.schedule.name)
        if (at === undefined || !comparable(schedule, other.schedule)) continue
        if (other.dayOf(at) >= (opened[minute] as number)) return Infinity
      }
      return 0
    },
  }
}

/** The minutes of a run day, in order. */
function minutesOf(
  day: number,
  spans: readonly Span[],
  time: MinuteByMinute,
  midnight: string,
  isExcluded: (day: number) => boolean,
  isLong: (span: Span) => boolean,
  dayOfMinute: Int32Array,
): number[] {
  const own = new Set<number>()
  const left = new Set<number>()
  const begins = time.firstAt(day * dayMinutes)
  for (const span of spansAround(spans, begins)) {
    for (let minute = span.open; minute < span.close; minute++) {
      const isToday = dayOfMinute[minute] === day
      if (midnight === 'two-windows' || isLong(span)) {
        if (isToday) own.add(minute)
      } else if (span.day === day) {
        if (isToday || !isExcluded(day + 1)) own.add(minute)
      } else if (span.day < day && isToday && !isExcluded(span.day)) left.add(minute)
    }
  }
  return [...(own.size > 0 ? own : left)].sort((a, b) => a - b)
}

function spansAround(spans: readonly Span[], minute: number): readonly Span[] {
  let low = 0
  let high = spans.length
  const from = minute - 11 * dayMinutes
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle] as Span).open < from) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < spans.length && (spans[end] as Span).open <= minute + 3 * dayMinutes) end++
  return spans.slice(low, end)
}

/** The day of each minute: from the moment its midnight is reached or passed until the next one's is. */
function dayNumbers(time: MinuteByMinute, first: number, last: number): Int32Array {
  const days = new Int32Array(time.wall.length).fill(first - 1)
  for (let day = first; day <= last + 1; day++) {
    days.fill(day, time.firstAt(day * dayMinutes), time.firstAt((day + 1) * dayMinutes))
  }
  return days
}

/** Asks a question about a day once. */
function onceADay(ask: (day: number) => boolean): (day: number) => boolean {
  const answers = new Map<number, boolean>()
  return (day) => {
    const answer = answers.get(day) ?? ask(day)
    answers.set(day, answer)
    return answer
  }
}

/** Whether a rule names a day, by writing its month down. */
function says(rule: DayRule, day: number): boolean {
  const date = new Date(day * dayMinutes * minuteMs)
  const month: Date[] = []
  for (let n = 1; n <= 31; n++) {
    const each = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), n))
    if (each.getUTCMonth() === date.getUTCMonth()) month.push(each)
  }
  const same = month.filter((each) => each.getUTCDay() === date.getUTCDay()).map((each) => each.getUTCDate())
  const ofMonth = date.getUTCDate()
  return (
    rule.dates?.includes(date.toISOString().slice(0, 10)) === true ||
    rule.daysOfMonth?.some((n) => (n === 'last' ? month.length : n) === ofMonth) === true ||
    rule.weekdays?.some(
      ({ weekday, week }) =>
        weekday === date.getUTCDay() &&
        (week === undefined || (week === 'last' ? same.at(-1) : same[week - 1]) === ofMonth),
    ) === true
  )
}
