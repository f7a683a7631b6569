import type { Blocker, Clock, ResourceBroker } from '@nb/contracts'
import type { SimulatedJob, WaitedFor, WaitingTime } from './results.ts'

/** What a job was found to wait for, all at once. Each list is there once, and so is each thing: they are told apart by identity. */
type Things = readonly WaitedFor[]

/** How long a job waited with one list of things, milliseconds. */
interface Wait {
  readonly for: Things
  ms: number
}

interface JobWaits {
  /** In the order in which they were found first; few, mostly one. */
  readonly all: Wait[]
  /** What it was found with last, and when; it has waited for that until the next look, or until it leaves the queue. */
  present: Wait | undefined
  at: number
}

/** How long, and how many jobs waited for a thing. */
type Totals = Map<WaitedFor, { ms: number; jobs: number }>

/** Asks the broker at intervals what the waiting jobs wait for, and adds up the answers. */
export class Waits {
  readonly #clock: Clock
  readonly #broker: Pick<ResourceBroker, 'queue'>
  readonly #everyMs: number
  /** Of jobs that have not ended. */
  readonly #ofJob = new Map<string, JobWaits>()
  /** What jobs that have ended were found to wait for longest, and all that they waited for, by policy. */
  readonly #longest = new Map<string, WaitedFor>()
  readonly #ofPolicy = new Map<string, Totals>()
  readonly #known = new Map<string, WaitedFor>()
  readonly #lists = new Map<string, Things>()

  constructor(clock: Clock, broker: Pick<ResourceBroker, 'queue'>, everyMs: number) {
    this.#clock = clock
    this.#broker = broker
    this.#everyMs = everyMs
  }

  /** Begins to look; from now on by itself. */
  start(): void {
    this.#clock.setTimer(this.#everyMs, () => {
      this.start()
      void this.look()
    })
  }

  /** Looks now. The time before the first look counts to what was found in it. */
  async look(): Promise<void> {
    const now = this.#clock.now()
    // The broker gives all requests of one need the same blockers: each list is looked up once.
    const known = new Map<readonly Blocker[], Things>()
    for await (const { request, since, blockers } of this.#broker.queue({})) {
      let things = known.get(blockers)
      if (things === undefined) {
        things = this.#things(blockers)
        known.set(blockers, things)
      }
      const before = this.#ofJob.get(request.jobId)
      const waits = before ?? { all: [], present: undefined, at: since }
      if (before === undefined) this.#ofJob.set(request.jobId, waits)
      else credit(waits, now)
      if (waits.present?.for !== things) waits.present = waitFor(waits, things)
      if (before === undefined) credit(waits, now)
    }
  }

  /** A job does not wait any more. */
  left(jobId: string): void {
    const waits = this.#ofJob.get(jobId)
    if (waits === undefined) return
    credit(waits, this.#clock.now())
    waits.present = undefined
  }

  /** A job has ended. */
  ended(jobId: string, policy: string | undefined): void {
    const waits = this.#ofJob.get(jobId)
    if (waits === undefined) return
    const ofThing = byThing(waits)
    const longest = longestOf(ofThing)
    this.#ofJob.delete(jobId)
    if (longest !== undefined) this.#longest.set(jobId, longest)
    addTo(this.#ofPolicy, ofThing, policy)
  }

  /** What a job was found to wait for longest. */
  longest(jobId: string): WaitedFor | undefined {
    const waits = this.#ofJob.get(jobId)
    return waits === undefined ? this.#longest.get(jobId) : longestOf(byThing(waits))
  }

  /** How long the jobs of each policy waited for each thing, longest first. */
  totals(jobOf: (jobId: string) => SimulatedJob | undefined): WaitingTime[] {
    const ofPolicy = new Map<string, Totals>()
    for (const [policy, totals] of this.#ofPolicy)
      ofPolicy.set(policy, new Map([...totals].map(([thing, total]) => [thing, { ...total }])))
    for (const [jobId, waits] of this.#ofJob) addTo(ofPolicy, byThing(waits), jobOf(jobId)?.policy)
    const order = ({ policy, kind, name }: WaitingTime): string => JSON.stringify([policy, kind, name])
    return [...ofPolicy]
      .flatMap(([policy, totals]) =>
        [...totals].map(([{ kind, name }, { ms, jobs }]) => ({ policy, kind, name, totalMs: ms, jobs })),
      )
      .sort((a, b) => b.totalMs - a.totalMs || (order(a) < order(b) ? -1 : 1))
  }

  /** What blockers come to: two may come to the same. */
  #things(blockers: readonly Blocker[]): Things {
    const things = new Map<string, WaitedFor>()
    for (const { kind, name } of blockers) {
      const key = `${kind} ${name}`
      const thing = this.#known.get(key) ?? { kind, name }
      this.#known.set(key, thing)
      things.set(key, thing)
    }
    const key = [...things.keys()].join('\n')
    const list = this.#lists.get(key) ?? [...things.values()]
    this.#lists.set(key, list)
    return list
  }
}

function waitFor({ all }: JobWaits, things: Things): Wait {
  for (const wait of all) if (wait.for === things) return wait
  const wait: Wait = { for: things, ms: 0 }
  all.push(wait)
  return wait
}

function credit(waits: JobWaits, now: number): void {
  if (waits.present !== undefined) waits.present.ms += now - waits.at
  waits.at = now
}

/** How long a job waited for each thing, milliseconds, in the order in which they were found first. */
function byThing({ all }: JobWaits): ReadonlyMap<WaitedFor, number> {
  const ms = new Map<WaitedFor, number>()
  for (const wait of all) for (const thing of wait.for) ms.set(thing, (ms.get(thing) ?? 0) + wait.ms)
  return ms
}

function longestOf(ofThing: ReadonlyMap<WaitedFor, number>): WaitedFor | undefined {
  let longest: WaitedFor | undefined
  let most = -1
  for (const [thing, ms] of ofThing) {
    if (ms <= most) continue
    longest = thing
    most = ms
  }
  return longest
}

/** Adds what a job of a policy waited for. */
function addTo(
  ofPolicy: Map<string, Totals>,
  ofThing: ReadonlyMap<WaitedFor, number>,
  policy: string = '-',
): void {
  let totals = ofPolicy.get(policy)
  if (totals === undefined) {
    totals = new Map()
    ofPolicy.set(policy, totals)
  }
  for (const [thing, ms] of ofThing) {
    const total = totals.get(thing)
    if (total === undefined) totals.set(thing, { ms, jobs: 1 })
    else {
      total.ms += ms
      total.jobs += 1
    }
  }
}
