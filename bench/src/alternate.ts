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
 * Runs the contenders in turn, round by round, so that what changes on the machine meanwhile meets them all; each round
 * begins with another one. Gives the medians of each. The first, unmeasured run of each warms caches where `warmUp` says so. Before each run that counts
 * `settle` waits until nothing of the one before goes on any more: each follows on the same one in all rounds.
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
  for (let round = first; round < options.rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, run, reset } = contenders[
        (turn + Math.max(round, 0)) % contenders.length
      ] as Contender<Name>
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

function medians(runs: readonly Measurement[]): Measurement {
  return {
    wallMs: median(runs.map(({ wallMs }) => wallMs)),
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    peakBytes: median(runs.map(({ peakBytes }) => peakBytes)),
  }
}
