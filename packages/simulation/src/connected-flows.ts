import type { FlowList, FlowTable, LinkState } from './flow-table.ts'

/**
 * Finds the flows that changes bind together: those of the links that have changed, those that share a link with one of them,
 * and so on; and those that have started. Every flow is found once in a round. They replace what is in `found`; the answer
 * are the links that they share.
 */
export function connectedFlows(
  table: FlowTable,
  round: number,
  changed: Iterable<LinkState>,
  started: readonly number[],
  found: FlowList,
): readonly LinkState[] {
  const links: LinkState[] = []
  found.count = 0
  for (const link of changed) {
    const [only] = link.flows
    if (only === undefined || link.bytesPerSecond === Infinity) continue
    // A link with one flow only binds nobody together.
    if (link.flows.length === 1) reachFlows(table, round, link.flows, found, links)
    else reachLink(link, round, links)
  }
  for (const link of links) reachFlows(table, round, link.flows, found, links)
  reachFlows(table, round, started, found, links)
  return links
}

function reachLink(link: LinkState, round: number, links: LinkState[]): void {
  if (link.round === round) return
  link.round = round
  link.open = link.flows.length
  links.push(link)
}

/** Goes through many flows for each that starts or ends, so it makes nothing: no iterators either. */
function reachFlows(
  { round: rounds, common }: FlowTable,
  round: number,
  some: readonly number[],
  found: FlowList,
  links: LinkState[],
): void {
  let before: readonly LinkState[] | undefined
  const count = some.length
  for (let at = 0; at < count; at += 1) {
    const flow = some[at] as number
    if (rounds[flow] === round) continue
    rounds[flow] = round
    found.flows[found.count++] = flow
    const shared = common[flow]
    // Flows over the same links have the same list.
    if (shared === before) continue
    before = shared
    for (const link of shared ?? []) reachLink(link, round, links)
  }
}
