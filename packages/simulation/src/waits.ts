import type { Blocker, Clock, ResourceBroker } from '@nb/contracts'
import type { SimulatedJob, WaitedFor, WaitingTime } from './results.ts'

/** How long a job was found to wait for something, milliseconds. */
interface Wait {
  readonly for: WaitedFor
  ms: number
}

interface JobWaits {
  /** In the order in which they were found first. */
  readonly all: Wait[]
  /** What it was found with last, and when; it has waited for that until the next look, or until it leaves the queue. */
  present: readonly Wait[]
  things: readonly WaitedFor[]
  at: number
}

const none: readonly Wait[] = []
const nothing: readonly WaitedFor[] = []

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
  /** Each thing that was waited for, once: they are told apart by identity. */
  readonly #known = new Map<string, WaitedFor>()
  /** So are the lists of them. */
  readonly #lists = new Map<string, readonly WaitedFor[]>()

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
    const known = new Map<readonly Blocker[], readonly WaitedFor[]>()
    for await (const { request, since, blockers } of this.#broker.queue({})) {
      const before = this.#ofJob.get(request.jobId)
      const waits = before ?? { all: [], present: none, things: nothing, at: since }
      if (before === undefined) this.#ofJob.set(request.jobId, waits)
      else credit(waits, now)
      let things = known.get(blockers)
      if (things === undefined) {
        things = this.#things(blockers)
        known.set(blockers, things)
      }
      if (waits.things !== things) {
        waits.things = things
        waits.present = things.map((thing) => waitFor(waits, thing))
      }
      if (before === undefined) credit(waits, now)
    }
  }

  /** A job does not wait any more. */
  left(jobId: string): void {
    const waits = this.#ofJob.get(jobId)
    if (waits === undefined) return
    credit(waits, this.#clock.now())
    waits.present = none
    waits.things = nothing
  }

  /** A job has ended. */
  ended(jobId: string, policy: string | undefined): void {
    const waits = this.#ofJob.get(jobId)
    const longest = this.longest(jobId)
    if (waits === undefined) return
    this.#ofJob.delete(jobId)
    if (longest !== undefined) this.#longest.set(jobId, longest)
    addTo(this.#ofPolicy, waits.all, policy)
  }

  /** What a job was found to wait for longest. */
  longest(jobId: string): WaitedFor | undefined {
    let best: Wait | undefined
    for (const wait of this.#ofJob.get(jobId)?.all ?? none)
      if (best === undefined || wait.ms > best.ms) best = wait
    return best?.for ?? this.#longest.get(jobId)
  }

  /** How long the jobs of each policy waited for each thing, longest first. */
  totals(jobOf: (jobId: string) => SimulatedJob | undefined): WaitingTime[] {
    const ofPolicy = new Map<string, Totals>()
    for (const [policy, totals] of this.#ofPolicy)
      ofPolicy.set(policy, new Map([...totals].map(([thing, total]) => [thing, { ...total }])))
    for (const [jobId, { all }] of this.#ofJob) addTo(ofPolicy, all, jobOf(jobId)?.policy)
    const order = ({ policy, kind, name }: WaitingTime): string => JSON.stringify([policy, kind, name])
    return [...ofPolicy]
      .flatMap(([policy, totals]) =>
        [...totals].map(([{ kind, name }, { ms, jobs }]) => ({ policy, kind, name, totalMs: ms, jobs })),
      )
      .sort((a, b) => b.totalMs - a.totalMs || (order(a) < order(b) ? -1 : 1))
  }

  /** What blockers come to: two may come to the same. */
  #things(blockers: readonly Blocker[]): readonly WaitedFor[] {
    const things = new Set<WaitedFor>()
    for (const { kind, name } of blockers) {
      const key = `${kind} ${name}`
      const thing = this.#known.get(key) ?? { kind, name }
      this.#known.set(key, thing)
      things.add(thing)
    }
    const key = [...things].map(({ kind, name }) => `${kind} ${name}`).join('\n')
    const list = this.#lists.get(key) ?? [...things]
    this.#lists.set(key, list)
    return list
  }
}

/** How long, and how many jobs waited for a thing. */
type Totals = Map<WaitedFor, { ms: number; jobs: number }>

/** Adds what a job of a policy waited for. */
function addTo(ofPolicy: Map<string, Totals>, waits: readonly Wait[], policy = '-'): void {
  let totals = ofPolicy.get(policy)
  if (totals === undefined) {
    totals = new Map()
    ofPolicy.set(policy, totals)
  }
  for (const wait of waits) {
    const total = totals.get(wait.for)
    if (total === undefined) totals.set(wait.for, { ms: wait.ms, jobs: 1 })
    else {
      total.ms += wait.ms
      total.jobs += 1
    }
  }
}

/** A job waits for few things: looking through them is quickest. */
function waitFor({ all }: JobWaits, thing: WaitedFor): Wait {
  for (const wait of all) if (wait.for === thing) return wait
  const wait: Wait = { for: thing, ms: 0 }
  all.push(wait)
  return wait
}

function credit(waits: JobWaits, now: number): void {
  for (const wait of waits.present) wait.ms += now - waits.at
  waits.at = now
}
