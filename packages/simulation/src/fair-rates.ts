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

/** What rates are found from, by the number of the flow. */
export interface RateTable {
  /** Links with a limit that other flows go over too. */
  readonly common: readonly (readonly Share[] | undefined)[]
  /** What its other links let pass, bytes per second. */
  readonly bound: Float64Array
  /** Bytes per second, as found. */
  readonly fair: Float64Array
}

/**
 * Max-min fair rates, bytes per second: each flow gets as much as it can without taking from one that has no more. Found
 * by filling: all rates rise together; where a link is full its flows stay, the others rise on.
 */
export function fairRates<Link extends SharedLink, Flow extends SharingFlow<Link>>(
  flows: readonly Flow[],
): ReadonlyMap<Flow, number> {
  const counts = new Map<Link, number>()
  for (const { links } of flows) for (const link of links) counts.set(link, (counts.get(link) ?? 0) + 1)
  const shares = new Map<Link, Share>()
  for (const [link, open] of counts) {
    const { bytesPerSecond } = link
    if (open > 1 && bytesPerSecond !== Infinity) shares.set(link, { bytesPerSecond, spare: 0, open })
  }
  const common = flows.map(({ links }) => links.flatMap((link) => shares.get(link) ?? []))
  const bound = Float64Array.from(flows, ({ links }) =>
    Math.min(...links.filter((link) => !shares.has(link)).map(({ bytesPerSecond }) => bytesPerSecond)),
  )
  const fair = new Float64Array(flows.length)
  share({ common, bound, fair }, [...flows.keys()], flows.length, [...shares.values()])
  return new Map(flows.map((flow, index) => [flow, fair[index] as number]))
}

/**
 * Finds the rates of {@link fairRates} in place: it is asked whenever a flow starts or ends, and makes nothing, no iterators either. `links` are
 * those that the flows have in common, `open` being how many of them go over each. `flows` are numbers of flows, of which
 * the first `count` are meant; nothing is left of their order.
 */
export function share(table: RateTable, flows: number[], count: number, links: readonly Share[]): void {
  const { bound, common } = table
  for (const link of links) link.spare = link.bytesPerSecond
  let left = count
  while (left > 0) {
    let fullest: Share | undefined
    let level = Infinity
    for (const link of links) {
      if (link.open === 0 || (fullest !== undefined && link.spare / link.open >= level)) continue
      fullest = link
      level = link.spare / link.open
    }
    // Those whose own bound is no higher leave at least as much to each of the others.
    let open = 0
    for (let at = 0; at < left; at += 1) {
      const flow = flows[at] as number
      const own = bound[flow] as number
      if (own > level) flows[open++] = flow
      else fix(table, flow, own)
    }
    if (open === left && fullest !== undefined) {
      open = 0
      for (let at = 0; at < left; at += 1) {
        const flow = flows[at] as number
        if (common[flow]?.includes(fullest) === true) fix(table, flow, level)
        else flows[open++] = flow
      }
    }
    left = open
  }
}

function fix({ common, fair }: RateTable, flow: number, rate: number): void {
  fair[flow] = rate
  const links = common[flow] as readonly Share[]
  const count = links.length
  for (let at = 0; at < count; at += 1) {
    const link = links[at] as Share
    link.spare = link.spare > rate ? link.spare - rate : 0
    link.open -= 1
  }
}
