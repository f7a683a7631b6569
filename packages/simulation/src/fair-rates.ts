/** Something whose throughput is shared by the flows over it. */
export interface SharedLink {
  /** Bytes per second. */
  readonly bytesPerSecond: number
}

/** Data on its way over some links at once. */
export interface SharingFlow<Link extends SharedLink> {
  readonly links: readonly Link[]
}

/** A link while rates are found. */
export interface Share {
  readonly bytesPerSecond: number
  /** What no flow has yet, and how many flows have no rate yet; only while rates are found. */
  spare: number
  open: number
}

/** A flow and the rate that is found for it. */
export interface Shared {
  readonly links: readonly Share[]
  /** Bytes per second; -1 while it is not found. */
  fair: number
  /** What it could have alone; only while rates are found. */
  bound: number
}

/**
 * Max-min fair rates, bytes per second: each flow gets as much as it can without taking from one that has no more. Found
 * by filling: all rates rise together; where a link is full its flows stay, the others rise on.
 */
export function fairRates<Link extends SharedLink, Flow extends SharingFlow<Link>>(
  flows: readonly Flow[],
): ReadonlyMap<Flow, number> {
  const shares = new Map<Link, Share>()
  const shareOf = (link: Link): Share => {
    let share = shares.get(link)
    if (share === undefined) {
      share = { bytesPerSecond: link.bytesPerSecond, spare: 0, open: 0 }
      shares.set(link, share)
    }
    return share
  }
  const shared = flows.map(({ links }): Shared => ({ links: links.map(shareOf), fair: -1, bound: 0 }))
  const links = [...shares.values()].filter((link) => link.bytesPerSecond !== Infinity)
  for (const { links: own } of shared) for (const link of own) link.open += 1
  share(shared, links)
  return new Map(flows.map((flow, index) => [flow, (shared[index] as Shared).fair]))
}

/**
 * Finds the rates of {@link fairRates} in place: it is asked whenever a flow starts or ends, and makes next to nothing.
 * Of all links of the flows, those with a limit are given, `open` being how many of the flows go over each.
 */
export function share(flows: readonly Shared[], links: readonly Share[]): void {
  for (const link of links) link.spare = link.bytesPerSecond
  // A link of one flow only is no more than a bound of that flow: most clients are.
  for (const flow of flows) {
    let bound = Infinity
    for (const link of flow.links)
      if (link.open === 1 && link.bytesPerSecond < bound) bound = link.bytesPerSecond
    flow.bound = bound
  }
  const common = links.filter((link) => link.open > 1)
  let open: readonly Shared[] = flows
  while (open.length > 0) {
    let fullest: Share | undefined
    let level = Infinity
    for (const link of common) {
      if (link.open === 0 || (fullest !== undefined && link.spare / link.open >= level)) continue
      fullest = link
      level = link.spare / link.open
    }
    // Those whose own bound is no higher leave at least as much to each of the others.
    const before = open.length
    open = open.filter((flow) => flow.bound > level || fix(flow, flow.bound))
    if (open.length === before)
      open = open.filter((flow) => !flow.links.includes(fullest as Share) || fix(flow, level))
  }
}

function fix(flow: Shared, rate: number): false {
  flow.fair = rate
  for (const link of flow.links) {
    link.spare = link.spare > rate ? link.spare - rate : 0
    link.open -= 1
  }
  return false
}
