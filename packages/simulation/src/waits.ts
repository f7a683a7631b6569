import type { Blocker, Clock, ResourceBroker } from '@nb/contracts'
import type { SimulatedJob, WaitedFor, WaitingTime } from './results.ts'

type Wait = WaitedFor & { ms: number }

interface JobWaits {
  readonly all: Map<string, Wait>
  /** What it was found with last, and when; it has waited for that until the next look, or until it leaves the queue. */
  present: Iterable<Wait>
  at: number
}

/** Asks the broker at intervals what the waiting jobs wait for, and adds up the answers. */
export class Waits {
  readonly #clock: Clock
  readonly #broker: Pick<ResourceBroker, 'queue'>
  readonly #everyMs: number
  readonly #ofJob = new Map<string, JobWaits>()

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
    // The broker gives all requests of one need the same blockers: each is named once.
    const names = new Map<Blocker, string>()
    for await (const { request, since, blockers } of this.#broker.queue({})) {
      const known = this.#ofJob.get(request.jobId)
      const waits = known ?? { all: new Map<string, Wait>(), present: [], at: since }
      if (known === undefined) this.#ofJob.set(request.jobId, waits)
      else credit(waits, now)
      const present = new Set<Wait>()
      for (const blocker of blockers) present.add(waitOf(waits, blocker, names))
      waits.present = present
      if (known === undefined) credit(waits, now)
    }
  }

  /** A job does not wait any more. */
  left(jobId: string): void {
    const waits = this.#ofJob.get(jobId)
    if (waits === undefined) return
    credit(waits, this.#clock.now())
    waits.present = []
  }

  /** What a job was found to wait for longest. */
  longest(jobId: string): WaitedFor | undefined {
    let best: Wait | undefined
    for (const entry of this.#ofJob.get(jobId)?.all.values() ?? [])
      if (best === undefined || entry.ms > best.ms) best = entry
    return best === undefined ? undefined : { kind: best.kind, name: best.name }
  }

  /** How long the jobs of each policy waited for each thing, longest first. */
  totals(jobOf: (jobId: string) => SimulatedJob | undefined): WaitingTime[] {
    const totals = new Map<string, { -readonly [Key in keyof WaitingTime]: WaitingTime[Key] }>()
    for (const [jobId, { all }] of this.#ofJob) {
      const policy = jobOf(jobId)?.policy ?? '-'
      for (const { kind, name, ms } of all.values()) {
        const key = JSON.stringify([policy, kind, name])
        const total = totals.get(key) ?? { policy, kind, name, totalMs: 0, jobs: 0 }
        totals.set(key, total)
        total.totalMs += ms
        total.jobs += 1
      }
    }
    const order = ({ policy, kind, name }: WaitingTime): string => JSON.stringify([policy, kind, name])
    return [...totals.values()].sort((a, b) => b.totalMs - a.totalMs || (order(a) < order(b) ? -1 : 1))
  }
}

function waitOf({ all }: JobWaits, blocker: Blocker, names: Map<Blocker, string>): Wait {
  let key = names.get(blocker)
  if (key === undefined) {
    key = `${blocker.kind} ${blocker.name}`
    names.set(blocker, key)
  }
  let wait = all.get(key)
  if (wait === undefined) {
    wait = { kind: blocker.kind, name: blocker.name, ms: 0 }
    all.set(key, wait)
  }
  return wait
}

function credit(waits: JobWaits, now: number): void {
  for (const wait of waits.present) wait.ms += now - waits.at
  waits.at = now
}
