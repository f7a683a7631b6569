import type { PlannedRun, Policy } from '@nb/contracts'
import type { CalendarMidnight } from './calendar.ts'
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
  const simulated = new Map(last)
  for (let notBefore = from; ;) {
    const run = nextRun({ ...facts, policy, client, last: simulated, notBefore })
    if (run === undefined || run.startsAt > to) return
    yield run
    simulated.set(run.schedule, run.startsAt)
    notBefore = run.startsAt + 1
  }
}
