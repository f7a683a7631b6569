import type { SimulatedJob, SimulationResults, WindowMiss } from '@nb/simulation'

/** What a month came to, counted. Plain data. */
export interface Summary {
  readonly jobs: number
  /** Ended with 0 or 1. */
  readonly good: number
  readonly bytesWritten: number
  /** Windows in which a backup was due. */
  readonly runs: number
  readonly missed: number
  /** Good backups that ended after their window had closed: no miss, but late in the morning. */
  readonly overran: number
  readonly misses: readonly MissRow[]
  readonly clients: readonly { readonly client: string; readonly missed: number }[]
  readonly statuses: readonly { readonly status: number; readonly jobs: number }[]
  readonly waiting: SimulationResults['waiting']
  readonly drives: readonly DriveRow[]
  readonly queue: { readonly most: number; readonly meanInWindow: readonly number[] }
  readonly volumes: SimulationResults['volumes']
}

/** The misses of a policy's schedule. */
export interface MissRow {
  readonly policy: string
  readonly schedule: string
  readonly runs: number
  readonly notStarted: number
  readonly startedLate: number
  readonly failed: number
  /** Why: what the jobs waited for, or how they ended, most often first. */
  readonly why: readonly { readonly reason: string; readonly count: number }[]
}

/** A drive over the whole time. */
export interface DriveRow {
  readonly name: string
  /** Shares of the time, 0–1. */
  readonly held: number
  readonly down: number
  /** Share of the time that it was held at each hour of the day (UTC), 0–1. */
  readonly byHour: readonly number[]
  readonly bytes: number
}

const hourMs = 3_600_000

/** Counts what a simulation has found. */
export function summarise(results: SimulationResults): Summary {
  const { jobs, misses } = results
  const judged = jobs.filter(
    ({ windowClosesAt }) => windowClosesAt !== undefined && windowClosesAt <= results.until,
  )
  const runs = runsOf(judged)
  const hours = Math.max(1, (results.until - results.from) / hourMs)
  return {
    jobs: jobs.length,
    good: jobs.filter(isGood).length,
    bytesWritten: results.bytesWritten,
    runs: runs.all.size,
    missed: misses.length,
    overran: judged.filter((job) => isGood(job) && (job.endedAt as number) > (job.windowClosesAt as number))
      .length,
    misses: missRows(runs, misses),
    clients: counted(misses.map(({ client }) => client)).map(([client, missed]) => ({ client, missed })),
    statuses: counted(jobs.map(({ status }) => status ?? -1))
      .filter(([status]) => status >= 0)
      .map(([status, count]) => ({ status, jobs: count })),
    waiting: results.waiting,
    drives: results.drives.map(({ name, heldMs, downMs, bytes }) => ({
      name,
      held: sum(heldMs) / hourMs / hours,
      down: sum(downMs) / hourMs / hours,
      byHour: byHourOfDay(heldMs, results.from).map((ms) => ms / hourMs),
      bytes: sum(bytes),
    })),
    queue: {
      most: Math.max(0, ...results.queue.most),
      meanInWindow: byHourOfDay(results.queue.mean, results.from),
    },
    volumes: results.volumes,
  }
}

/** The average of hourly values at each hour of the day, 0–23 in UTC. */
export function byHourOfDay(values: readonly number[], from: number): number[] {
  const sums = new Array<number>(24).fill(0)
  const counts = new Array<number>(24).fill(0)
  for (const [index, value] of values.entries()) {
    const hour = new Date(from + index * hourMs).getUTCHours()
    sums[hour] = (sums[hour] as number) + value
    counts[hour] = (counts[hour] as number) + 1
  }
  return sums.map((each, hour) => each / Math.max(1, counts[hour] as number))
}

/** The runs of a month: all, and those of each policy's schedules. */
interface Runs {
  readonly all: ReadonlySet<string>
  readonly ofSchedule: ReadonlyMap<string, ReadonlySet<string>>
}

/** The jobs of one policy, client and stream whose window closes at the same moment are one run. */
function runsOf(judged: readonly SimulatedJob[]): Runs {
  const all = new Set<string>()
  const ofSchedule = new Map<string, Set<string>>()
  for (const { policy, schedule, client, stream, windowClosesAt } of judged) {
    const run = keyOf(policy, client, stream, windowClosesAt)
    all.add(run)
    const key = keyOf(policy, schedule)
    const runs = ofSchedule.get(key)
    if (runs === undefined) ofSchedule.set(key, new Set([run]))
    else runs.add(run)
  }
  return { all, ofSchedule }
}

/** Names have no line ends. */
function keyOf(...parts: readonly (string | number | undefined)[]): string {
  return parts.join('\n')
}

function missRows({ ofSchedule }: Runs, misses: readonly WindowMiss[]): MissRow[] {
  const bySchedule = new Map<string, WindowMiss[]>()
  for (const miss of misses) {
    const key = keyOf(miss.policy, miss.schedule)
    bySchedule.set(key, [...(bySchedule.get(key) ?? []), miss])
  }
  return [...bySchedule]
    .map(([key, missed]) => {
      const of = (kind: WindowMiss['kind']): number => missed.filter((miss) => miss.kind === kind).length
      return {
        policy: missed[0]?.policy ?? '',
        schedule: missed[0]?.schedule ?? '',
        runs: ofSchedule.get(key)?.size ?? 0,
        notStarted: of('not-started'),
        startedLate: of('started-late'),
        failed: of('failed'),
        why: counted(missed.map(reasonOf)).map(([reason, count]) => ({ reason, count })),
      }
    })
    .sort((a, b) => total(b) - total(a) || (a.policy + a.schedule < b.policy + b.schedule ? -1 : 1))
}

/** Why a window was missed, in a few words. */
export function reasonOf({ kind, status, waitedFor }: WindowMiss): string {
  if (kind === 'failed') return `status ${status}`
  return waitedFor === undefined ? 'waited' : `waited for ${describeWait(waitedFor)}`
}

/** A blocker in a few words. */
export function describeWait({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind.replaceAll('-', ' ')} ${name}`
}

/** How many windows a row has missed. */
export function total({ notStarted, startedLate, failed }: MissRow): number {
  return notStarted + startedLate + failed
}

function isGood({ status }: SimulatedJob): boolean {
  return status !== undefined && status <= 1
}

/** How often each thing occurs, most often first, then by name. */
function counted<T extends string | number>(things: readonly T[]): [T, number][] {
  const counts = new Map<T, number>()
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1)
  return [...counts].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
