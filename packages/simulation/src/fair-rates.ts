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
  /** Those with a limit that other flows go over too. */
  readonly common: readonly Share[]
  /** What its other links let pass, bytes per second. */
  readonly bound: number
  /** Bytes per second, as found. */
  fair: number
}

/**
 * Max-min fair rates, bytes per second: each flow gets as much as it can without taking from one that has no more. Found
 * by filling: all rates rise together; where a link is full its flows stay, the others rise on.
 */
export function fairRates<Link extends SharedLink, Flow extends SharingFlow<Link>>(
  flows: readonly Flow[],
): ReadonlyMap<Flow, number> {
  const open = new Map<Link, number>()
  for (const { links } of flows) for (const link of links) open.set(link, (open.get(link) ?? 0) + 1)
  const shares = new Map<Link, Share>()
  for (const [link, count] of open) {
    const { bytesPerSecond } = link
    if (count > 1 && bytesPerSecond !== Infinity) shares.set(link, { bytesPerSecond, spare: 0, open: count })
  }
  const shared = flows.map(({ links }): Shared => {
    const alone = links.filter((link) => !shares.has(link))
    const bound = Math.min(...alone.map(({ bytesPerSecond }) => bytesPerSecond))
    return { common: links.flatMap((link) => shares.get(link) ?? []), bound, fair: 0 }
  })
  share(shared, [...shares.values()])
  return new Map(flows.map((flow, index) => [flow, (shared[index] as Shared).fair]))
}

/**
 * Finds the rates of {@link fairRates} in place: it is asked whenever a flow starts or ends, and makes next to nothing.
 * `links` are those that the flows have in common, `open` being how many of the flows go over each.
 */
export function share(flows: readonly Shared[], links: readonly Share[]): void {
  for (const link of links) link.spare = link.bytesPerSecond
  let open: readonly Shared[] = flows
  while (open.length > 0) {
    let fullest: Share | undefined
    let level = Infinity
    for (const link of links) {
      if (link.open === 0 || (fullest !== undefined && link.spare / link.open >= level)) continue
      fullest = link
      level = link.spare / link.open
    }
    // Those whose own bound is no higher leave at least as much to each of the others.
    const before = open.length
    open = open.filter((flow) => flow.bound > level || fix(flow, flow.bound))
    if (open.length === before)
      open = open.filter((flow) => !flow.common.includes(fullest as Share) || fix(flow, level))
  }
}

function fix(flow: Shared, rate: number): false {
  flow.fair = rate
  for (const link of flow.common) {
    link.spare = link.spare > rate ? link.spare - rate : 0
    link.open -= 1
  }
  return false
}
