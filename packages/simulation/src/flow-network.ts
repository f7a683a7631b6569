import type { Clock } from '@nb/contracts'
import { connectedFlows } from './connected-flows.ts'
import { share } from './fair-rates.ts'
import { type FlowGroup, type FlowList, FlowTable, type Link, type LinkState } from './flow-table.ts'

/** A link of a network. */
export type NetworkLink = Pick<LinkState, 'name' | 'bytesPerSecond'>

/** A flow that has been started. */
export interface StartedFlow {
  /** Resolves when all has passed, rejects with the reason it was broken off for. */
  readonly done: Promise<void>
  /** Breaks it off; what has passed stays counted. */
  readonly abort: (reason: Error) => void
}

/**
 * Flows of data over links, at max-min fair rates at every moment. When one starts or ends, only the flows are computed
 * anew that share a link with it, or with one that does.
 */
export class FlowNetwork {
  readonly #clock: Clock
  readonly #links = new Map<string, LinkState>()
  readonly #flows = new FlowTable()
  readonly #dirty = new Set<LinkState>()
  /** Flows that have started since the last round. */
  #started: number[] = []
  /** Groups that flows have left since the last round. */
  readonly #left = new Set<FlowGroup>()
  #round = 0
  /** The flows that were found last, and the same while their rates are found. */
  readonly #found: FlowList = { flows: [], count: 0 }
  readonly #open: number[] = []
  #cancelPending: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a link, and answers it as flows name it. Names are unique. */
  addLink(link: Link): NetworkLink {
    const at = this.#clock.now()
    const { name, bytesPerSecond, series } = link
    const table = this.#flows
    const flows: number[] = []
    const state = { name, bytesPerSecond, table, flows, rate: 0, at, round: 0, spare: 0, open: 0 }
    const added: LinkState = series === undefined ? state : { ...state, series }
    this.#links.set(name, added)
    return added
  }

  /** A link by its name. */
  link(name: string): NetworkLink | undefined {
    return this.#links.get(name)
  }

  /** Starts a flow of so many bytes over links of this network; at least one. */
  start(bytes: number, links: readonly NetworkLink[]): StartedFlow {
    const states = links as readonly LinkState[]
    for (const { name, table } of states)
      if (table !== this.#flows) throw new TypeError(`link ${name} is of another network`)
    let abort: (reason: Error) => void = () => undefined
    const done = new Promise<void>((resolve, reject) => {
      let live = true
      const flow = this.#flows.add(bytes, states, this.#clock.now(), () => {
        live = false
        resolve()
      })
      this.#started.push(flow)
      this.#changed(states)
      abort = (reason) => {
        if (!live) return
        live = false
        this.#remove(flow)
        reject(reason)
      }
    })
    return { done, abort }
  }

  /** Counts what has passed up to now into the series. */
  settle(): void {
    const now = this.#clock.now()
    for (const link of this.#links.values()) count(link, now)
  }

  #finish(flow: number): void {
    const resolve = this.#flows.resolve[flow] as () => void
    // The last byte: what rounding left over belongs to it.
    this.#remove(flow, this.#flows.left[flow])
    resolve()
  }

  /** `passed` is what has passed since its rate was found, where that is known better than by the rate. */
  #remove(flow: number, passed?: number): void {
    const flows = this.#flows
    const now = this.#clock.now()
    const links = flows.links[flow] as readonly LinkState[]
    const counted = flows.counted[flow] as readonly LinkState[]
    const at = flows.at[flow] as number
    const rate = countable(flows.rate[flow] as number)
    const byRate = (rate * (now - at)) / 1000
    const excess = (passed ?? Math.min(flows.left[flow] as number, byRate)) - byRate
    const group = flows.group[flow]
    if (group !== undefined) this.#left.add(group)
    flows.delete(flow)
    this.#started = this.#started.filter((started) => started !== flow)
    for (const link of counted) {
      count(link, now)
      link.rate = link.flows.length === 0 ? 0 : link.rate - rate
      // The timer has whole milliseconds: the last of them was not full.
      if (excess !== 0) link.series?.add(Math.max(at, now - 1), now, excess)
    }
    this.#changed(links)
  }

  /** What starts and ends at one moment is computed together, before time goes on. */
  #changed(links: readonly LinkState[]): void {
    for (const link of links) this.#dirty.add(link)
    this.#cancelPending ??= this.#clock.setTimer(0, () => this.#recompute())
  }

  /** Gives all flows that are bound together with what has changed their rates. */
  #recompute(): void {
    this.#cancelPending = undefined
    const found = this.#found
    const links = connectedFlows(this.#flows, ++this.#round, this.#dirty, this.#started, found)
    const { flows, count } = found
    this.#dirty.clear()
    this.#started = []
    for (let index = 0; index < count; index += 1) this.#open[index] = flows[index] as number
    share(this.#flows, this.#open, count, links)
    const now = this.#clock.now()
    const { group: groupOf, fair, rate, endsAt } = this.#flows
    let last: FlowGroup | undefined
    let first = Infinity
    for (let index = 0; index < count; index += 1) {
      const flow = flows[index] as number
      const before = groupOf[flow]
      if (before !== undefined && before !== last) this.#left.add((last = before))
      if (fair[flow] !== rate[flow]) this.#setRate(flow, now)
      if ((endsAt[flow] as number) < first) first = endsAt[flow] as number
    }
    const group = last !== undefined && this.#isFound(last) ? last : newGroup()
    for (let index = 0; index < count; index += 1) groupOf[flows[index] as number] = group
    for (const before of this.#left) {
      // Flows that nothing binds to these any more keep the timer they have.
      if (before !== group) this.#flows.compact(before)
      if (before === group || before.flows.length === 0) before.cancelTimer()
    }
    this.#left.clear()
    this.#flows.fill(group, found)
    this.#wait(group, first)
  }

  /** Whether all flows of a group have been found in this round: it goes on with them. */
  #isFound(group: FlowGroup): boolean {
    const { round, group: groupOf } = this.#flows
    for (const flow of group.flows) if (groupOf[flow] === group && round[flow] !== this.#round) return false
    return true
  }

  #setRate(flow: number, now: number): void {
    const flows = this.#flows
    const rate = flows.rate[flow] as number
    const fair = flows.fair[flow] as number
    const at = flows.at[flow] as number
    let left = flows.left[flow] as number
    if (now > at) left -= Math.min(left, (rate * (now - at)) / 1000)
    flows.left[flow] = left
    flows.at[flow] = now
    flows.rate[flow] = fair
    flows.endsAt[flow] = fair > 0 ? now + Math.ceil((left / fair) * 1000) : Infinity
    for (const link of flows.counted[flow] as readonly LinkState[]) {
      count(link, now)
      link.rate = link.flows.length === 1 ? countable(fair) : link.rate + countable(fair) - countable(rate)
    }
  }

  #firstEnd({ flows }: FlowGroup): number {
    let first = Infinity
    for (const flow of flows) first = Math.min(first, this.#flows.endsAt[flow] as number)
    return first
  }

  /** One timer, for the flow of the group that ends first, at that time. */
  #wait(group: FlowGroup, first: number): void {
    if (first === Infinity) return
    group.cancelTimer = this.#clock.setTimer(first - this.#clock.now(), () => {
      const now = this.#clock.now()
      const over = this.#flows.compact(group, now)
      for (const flow of over) this.#finish(flow)
      this.#wait(group, this.#firstEnd(group))
    })
  }
}

function newGroup(): FlowGroup {
  return { flows: [], cancelTimer: () => undefined }
}

/** What nothing limits passes at once: it has no rate to count by. */
function countable(rate: number): number {
  return rate === Infinity ? 0 : rate
}

/** Counts what has passed over a link up to now. */
function count(link: LinkState, now: number): void {
  if (now === link.at) return
  if (link.rate > 0) link.series?.add(link.at, now, (link.rate * (now - link.at)) / 1000)
  link.at = now
}
