import type { FlowTable, LinkState } from './flow-table.ts'

/** Flows that are bound together, and the links that they share. */
export interface ConnectedFlows {
  readonly flows: number[]
  readonly links: readonly LinkState[]
}

/**
 * The flows that changes bind together: those of the links that have changed, those that share a link with one of them, and so
 * on; and those that have started. Every flow is found once in a round.
 */
export function connectedFlows(
  table: FlowTable,
  round: number,
  changed: Iterable<LinkState>,
  started: readonly number[],
): ConnectedFlows {
  const links: LinkState[] = []
  const flows: number[] = []
  for (const link of changed) {
    const [only] = link.flows
    if (only === undefined || link.bytesPerSecond === Infinity) continue
    // A link with one flow only binds nobody together.
    if (link.flows.length === 1) reachFlows(table, round, link.flows, flows, links)
    else reachLink(link, round, links)
  }
  for (const link of links) reachFlows(table, round, link.flows, flows, links)
  reachFlows(table, round, started, flows, links)
  return { flows, links }
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
  flows: number[],
  links: LinkState[],
): void {
  let before: readonly LinkState[] | undefined
  const count = some.length
  for (let at = 0; at < count; at += 1) {
    const flow = some[at] as number
    if (rounds[flow] === round) continue
    rounds[flow] = round
    flows.push(flow)
    const shared = common[flow]
    // Flows over the same links have the same list.
    if (shared === before) continue
    before = shared
    for (const link of shared ?? []) reachLink(link, round, links)
  }
}
