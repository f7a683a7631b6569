/** Something whose throughput is shared by the flows over it. */
export interface SharedLink {
  /** Bytes per second. */
  readonly bytesPerSecond: number
}

/** Data on its way over some links at once. */
export interface SharingFlow<Link extends SharedLink> {
  readonly links: readonly Link[]
}

interface Share {
  left: number
  flows: number
}

/**
 * Max-min fair rates, bytes per second: each flow gets as much as it can without taking from one that has no more. Found
 * by filling: all rates rise together; where a link is full its flows stay, the others rise on.
 */
export function fairRates<Link extends SharedLink, Flow extends SharingFlow<Link>>(
  flows: readonly Flow[],
): ReadonlyMap<Flow, number> {
  const shares = new Map<Link, Share>()
  for (const { links } of flows) {
    for (const link of links) {
      if (link.bytesPerSecond === Infinity) continue
      const share = shares.get(link)
      if (share === undefined) shares.set(link, { left: link.bytesPerSecond, flows: 1 })
      else share.flows += 1
    }
  }
  // A link of one flow only is no more than a bound of that flow: most clients are.
  const bounded = flows.map((flow) => {
    let bound = Infinity
    const shared: Share[] = []
    for (const link of flow.links) {
      const share = shares.get(link)
      if (share === undefined) continue
      if (share.flows > 1) shared.push(share)
      else bound = Math.min(bound, share.left)
    }
    return { flow, bound, shared, rate: -1 }
  })
  const common = [...shares.values()].filter((share) => share.flows > 1)
  const byBound = [...bounded].sort((a, b) => a.bound - b.bound)
  const freeze = (entry: (typeof bounded)[number], rate: number): void => {
    entry.rate = rate
    for (const share of entry.shared) {
      share.left = Math.max(0, share.left - rate)
      share.flows -= 1
    }
  }
  for (let next = 0; next < byBound.length;) {
    const entry = byBound[next] as (typeof bounded)[number]
    if (entry.rate >= 0) {
      next += 1
      continue
    }
    let fullest: Share | undefined
    for (const share of common) {
      if (
        share.flows > 0 &&
        (fullest === undefined || share.left / share.flows < fullest.left / fullest.flows)
      )
        fullest = share
    }
    const level = fullest === undefined ? Infinity : fullest.left / fullest.flows
    if (entry.bound <= level) freeze(entry, entry.bound)
    else {
      for (const other of bounded)
        if (other.rate < 0 && other.shared.includes(fullest as Share)) freeze(other, level)
    }
  }
  return new Map(bounded.map(({ flow, rate }) => [flow, rate]))
}
