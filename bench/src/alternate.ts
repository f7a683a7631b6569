import { median } from './median.ts'

/** One of those who are measured against one another. */
export interface Contender<Name extends string> {
  readonly name: Name
  /** Does the work once and tells its figures. */
  readonly run: () => Promise<Measurement>
  /** Brings everything to where the next run may begin; not measured. */
  readonly reset?: () => Promise<void>
}

/** What one run took. */
export interface Measurement {
  readonly wallMs: number
  /** User and system time of all threads. */
  readonly cpuMs: number
  /** Most memory in use at once, bytes. */
  readonly peakBytes: number
}

/**
 * Runs the contenders in turn, round by round, so that what changes on the machine meanwhile meets them all; each follows on each other one
 * equally often, since what one leaves behind it (a disk that is busy still) meets the next. Gives the medians of each. The first,
 * unmeasured run of each warms caches where `warmUp` says so. Before each run that counts `settle` waits until nothing of the one before goes on any more.
 */
export async function alternate<Name extends string>(
  contenders: readonly Contender<Name>[],
  options: {
    readonly rounds: number
    readonly warmUp?: boolean
    readonly settle?: () => Promise<void>
    readonly tell?: (line: string) => void
  },
): Promise<ReadonlyMap<Name, Measurement>> {
  const taken = new Map<Name, Measurement[]>(contenders.map(({ name }) => [name, []]))
  const first = options.warmUp === true ? -1 : 0
  const orders = inTurn(contenders, options.rounds - first)
  for (let round = first; round < options.rounds; round++) {
    for (const { name, run, reset } of orders[round - first] ?? []) {
      if (round >= 0) await options.settle?.()
      const measured = await run()
      await reset?.()
      const label = round < 0 ? 'warm-up' : `${round + 1} of ${options.rounds}`
      options.tell?.(`  ${label}  ${name}: ${(measured.wallMs / 1000).toFixed(2)} s`)
      if (round >= 0) taken.get(name)?.push(measured)
    }
  }
  return new Map([...taken].map(([name, runs]) => [name, medians(runs)]))
}

/** Orders in which each of some follows on each other one as evenly as it goes, from the last of one order to the first of the next, too. */
function inTurn<Each>(all: readonly Each[], orders: number): readonly (readonly Each[])[] {
  const followed = new Map<Each | undefined, Map<Each, number>>()
  const times = (before: Each | undefined, each: Each): number => followed.get(before)?.get(each) ?? 0
  let last: Each | undefined
  return Array.from({ length: orders }, (_, number) => {
    const at = number % all.length
    const left = [...all.slice(at), ...all.slice(0, at)]
    const order: Each[] = []
    while (left.length > 0) {
      const next = left.reduce((best, each) => (times(last, each) < times(last, best) ? each : best))
      left.splice(left.indexOf(next), 1)
      followed.set(last, (followed.get(last) ?? new Map<Each, number>()).set(next, times(last, next) + 1))
      order.push(next)
      last = next
    }
    return order
  })
}

function medians(runs: readonly Measurement[]): Measurement {
  return {
    wallMs: median(runs.map(({ wallMs }) => wallMs)),
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    peakBytes: median(runs.map(({ peakBytes }) => peakBytes)),
  }
}
