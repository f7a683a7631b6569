import { type CallOptions, type PlannedRun, type Policy, NbError, throwIfAborted } from '@nb/contracts'
import type { CalendarMidnight } from './calendar.ts'
import { dayMs } from './days.ts'
import { type LastBackups, nextRun } from './due.ts'

/** The span to look at. */
export interface PreviewOptions {
  /** First moment, milliseconds since the epoch. */
  readonly from: number
  /** Last moment, milliseconds since the epoch. */
  readonly to: number
  /** Name of the zone of the windows, such as `Europe/Vienna`. */
  readonly timeZone: string
  /** To which day a calendar schedule's hours after midnight belong. @default 'one-window' */
  readonly calendarMidnight?: CalendarMidnight
  /** The stream, where the policy has several. */
  readonly stream?: string
}

/** What would start for one client if every run succeeded at once, in order; pure, and lazy. */
export function* previewRuns(
  policy: Policy,
  client: string,
  last: LastBackups,
  { from, to, ...facts }: PreviewOptions,
): Generator<PlannedRun, void, undefined> {
  const simulated = new Map<string, number>()
  for (const { name } of policy.schedules) {
    const at = last.get(name)
    if (at !== undefined) simulated.set(name, at)
  }
  for (let notBefore = from; ;) {
    const run = nextRun({ ...facts, policy, client, last: simulated, notBefore })
    if (run === undefined || run.startsAt > to) return
    yield run
    simulated.set(run.schedule, run.startsAt)
    notBefore = run.startsAt + 1
  }
}

/** The longest span that is looked at, days: ten years. */
const longestSpanDays = 3653
/** The last moment that may be asked for: the end of the year 9999. */
const lastMoment = Date.UTC(9999, 11, 31)

/**
 * Refuses a span that nobody can mean.
 * @throws NbError `argument-invalid`, naming the field and what is allowed
 */
export function checkSpan(from: number, to: number): void {
  const refuse = (field: string, what: string): never => {
    throw new NbError('argument-invalid', `preview: ${field} ${what}`, { details: { field } })
  }
  if (!(from >= 0 && from <= lastMoment)) refuse('from', 'must be between the years 1970 and 9999')
  if (!(to <= from + longestSpanDays * dayMs)) refuse('to', 'must be at most ten years after from')
}

/** How many runs are worked out before others have their turn. */
const runsPerTurn = 50

/** Planned runs of several sources, each in order, as one in order; as many are worked out as are taken. */
export async function* mergeRuns(
  sources: readonly Iterator<PlannedRun, void>[],
  options?: CallOptions,
): AsyncGenerator<PlannedRun, void, undefined> {
  const heads: { readonly run: PlannedRun; readonly source: Iterator<PlannedRun, void> }[] = []
  let worked = 0
  const advance = async (source: Iterator<PlannedRun, void>): Promise<void> => {
    if (++worked % runsPerTurn === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    throwIfAborted(options)
    const { value: run } = source.next()
    if (run === undefined) return
    let [low, high] = [0, heads.length]
    while (low < high) {
      const middle = (low + high) >> 1
      // The first is taken from the end, where taking is cheap.
      if (byStart((heads[middle] as { run: PlannedRun }).run, run) > 0) low = middle + 1
      else high = middle
    }
    heads.splice(low, 0, { run, source })
  }
  for (const source of sources) await advance(source)
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head.run
    await advance(head.source)
  }
}

function byStart(a: PlannedRun, b: PlannedRun): number {
  return a.startsAt - b.startsAt || compare(a.client, b.client) || compare(a.stream ?? '', b.stream ?? '')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
