import type { Measurement } from './alternate.ts'
import type { Figure, Goal } from './rows.ts'

/** A process that does this work stays under it, whatever the tree. */
const mostPeakMib = 300

/** How our wall time is to stand to a peer's. */
export interface PeerGoal<Name extends string> {
  readonly peer: Name
  readonly mostRatio: number
}

/** The figures of one tree: our time beside each peer's, our processor time and peak memory beside the first peer's. */
export function movingFigures<Name extends string>(
  name: string,
  runs: ReadonlyMap<Name, Measurement>,
  {
    ours,
    peers,
    goals,
  }: { readonly ours: Name; readonly peers: readonly Name[]; readonly goals: readonly PeerGoal<Name>[] },
): readonly Figure[] {
  const own = measurementOf(runs, ours)
  const figure = (
    metric: string,
    unit: string,
    peer: Name,
    pick: (run: Measurement) => number,
    goal?: Goal,
  ): Figure => ({
    case: name,
    metric,
    value: pick(own),
    unit,
    peer: { name: peer, value: pick(measurementOf(runs, peer)) },
    ...(goal === undefined ? {} : { goal }),
  })
  const [first] = peers
  if (first === undefined) throw new TypeError('there is no peer to compare with')
  return [
    ...peers.map((peer) => {
      const atMost = goals.find((goal) => goal.peer === peer)?.mostRatio
      const goal: Goal | undefined = atMost === undefined ? undefined : { of: 'ratio', atMost }
      return figure('wall time', 's', peer, ({ wallMs }) => wallMs / 1000, goal)
    }),
    ...peers.map((peer) => figure('processor time', 's', peer, ({ cpuMs }) => cpuMs / 1000)),
    figure('peak memory', 'MiB', first, ({ peakBytes }) => peakBytes / 1024 ** 2, {
      of: 'value',
      atMost: mostPeakMib,
    }),
  ]
}

/** The measurement of one contender. Throws `TypeError` for one that took no part. */
export function measurementOf<Name extends string>(
  runs: ReadonlyMap<Name, Measurement>,
  name: Name,
): Measurement {
  const found = runs.get(name)
  if (found === undefined) throw new TypeError(`${name} was not measured`)
  return found
}
