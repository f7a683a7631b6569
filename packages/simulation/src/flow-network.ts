import type { Clock } from '@nb/contracts'
import { type SharedLink, share } from './fair-rates.ts'
import type { TimeSeries } from './time-series.ts'

/** A client, media server, drive or disk with a throughput that the flows over it share. */
export interface Link extends SharedLink {
  readonly name: string
  /** Gets the bytes that pass. */
  readonly series?: TimeSeries
}

/** A flow that has been started. */
export interface StartedFlow {
  /** Resolves when all has passed, rejects with the reason it was broken off for. */
  readonly done: Promise<void>
  /** Breaks it off; what has passed stays counted. */
  readonly abort: (reason: Error) => void
}

interface Flow {
  readonly links: readonly LinkState[]
  /** Those of its links that have series. */
  readonly counted: readonly LinkState[]
  /** Those of its links with a limit that other flows go over too. */
  common: readonly LinkState[]
  /** What its other links would let pass, bytes per second: most clients have one flow at a time. */
  bound: number
  /** Where it stands among the flows of each of its links. */
  readonly places: number[]
  /** Whether it is not over. */
  live: boolean
  left: number
  /** Bytes per second. */
  rate: number
  /** When `left` was true. */
  at: number
  /** Its last byte passes then; Infinity while nothing passes. */
  endsAt: number
  /** Those whose rates were found with its own; absent when it is over. */
  group: Group | undefined
  /** The last round of rates it was found in. */
  round: number
  fair: number
  readonly resolve: () => void
}

/** Flows whose rates were found together: one timer is enough for them. */
interface Group {
  flows: Flow[]
  cancelTimer: () => void
}

interface LinkState extends Link {
  readonly flows: Flow[]
  /** Of all its flows together, bytes per second, counted into its series up to `at`. */
  rate: number
  at: number
  /** The last round of rates it was reached in. */
  round: number
  spare: number
  open: number
}

/**
 * Flows of data over links, at max-min fair rates at every moment. When one starts or ends, only the flows are computed
 * anew that share a link with it, or with one that does.
 */
export class FlowNetwork {
  readonly #clock: Clock
  readonly #links = new Map<string, LinkState>()
  readonly #dirty = new Set<LinkState>()
  readonly #alone = new Set<Flow>()
  /** Groups that flows have left since the last round. */
  readonly #left = new Set<Group>()
  #round = 0
  #cancelPending: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a link. Names are unique. */
  addLink(link: Link): void {
    const at = this.#clock.now()
    const { name, bytesPerSecond, series } = link
    const state = { name, bytesPerSecond, flows: [] as Flow[], rate: 0, at, round: 0, spare: 0, open: 0 }
    this.#links.set(name, series === undefined ? state : { ...state, series })
  }

  /** Whether there is such a link. */
  has(name: string): boolean {
    return this.#links.has(name)
  }

  /** Starts a flow of so many bytes over the links; at least one. */
  start(bytes: number, links: readonly string[]): StartedFlow {
    const states = links.map((name) => {
      const link = this.#links.get(name)
      if (link === undefined) throw new TypeError(`there is no link ${name}`)
      return link
    })
    let resolve: () => void = () => undefined
    let reject: (reason: Error) => void = () => undefined
    const done = new Promise<void>((onDone, onBroken) => {
      resolve = onDone
      reject = onBroken
    })
    const flow: Flow = {
      links: states,
      counted: states.filter(({ series }) => series !== undefined),
      common: [],
      bound: Infinity,
      places: states.map(({ flows }) => flows.length),
      live: true,
      left: bytes,
      rate: 0,
      at: this.#clock.now(),
      endsAt: Infinity,
      group: undefined,
      round: 0,
      fair: 0,
      resolve,
    }
    for (const link of states) {
      const [other] = link.flows
      link.flows.push(flow)
      if (other !== undefined && link.flows.length === 2) tellApart(other)
    }
    tellApart(flow)
    this.#changed(flow)
    const abort = (reason: Error): void => {
      if (!flow.live) return
      this.#remove(flow)
      reject(reason)
    }
    return { done, abort }
  }

  /** Counts what has passed up to now into the series. */
  settle(): void {
    const now = this.#clock.now()
    for (const link of this.#links.values()) count(link, now)
  }

  #finish(flow: Flow): void {
    // The last byte: what rounding left over belongs to it.
    this.#remove(flow, flow.left)
    flow.resolve()
  }

  /** `passed` is what has passed since its rate was found, where that is known better than by the rate. */
  #remove(flow: Flow, passed?: number): void {
    const now = this.#clock.now()
    const byRate = (countable(flow.rate) * (now - flow.at)) / 1000
    const excess = (passed ?? Math.min(flow.left, byRate)) - byRate
    flow.live = false
    for (const [index, link] of flow.links.entries()) {
      leave(link, flow.places[index] as number)
      const [other] = link.flows
      if (other !== undefined && link.flows.length === 1) tellApart(other)
      if (link.series === undefined) continue
      count(link, now)
      link.rate = link.flows.length === 0 ? 0 : link.rate - countable(flow.rate)
      // The timer has whole milliseconds: the last of them was not full.
      if (excess !== 0) link.series.add(Math.max(flow.at, now - 1), now, excess)
    }
    if (flow.group !== undefined) this.#left.add(flow.group)
    flow.group = undefined
    this.#changed(flow)
  }

  /** What starts and ends at one moment is computed together, before time goes on. */
  #changed(flow: Flow): void {
    for (const link of flow.links) this.#dirty.add(link)
    this.#alone.add(flow)
    this.#cancelPending ??= this.#clock.setTimer(0, () => this.#recompute())
  }

  /** Gives all flows that are bound together with what has changed their rates. */
  #recompute(): void {
    this.#cancelPending = undefined
    const { flows, links } = this.#connected()
    share(flows, links)
    const now = this.#clock.now()
    const group: Group = { flows, cancelTimer: () => undefined }
    for (const flow of flows) {
      if (flow.group !== undefined) this.#left.add(flow.group)
      flow.group = group
      if (flow.fair !== flow.rate) this.#setRate(flow, now)
    }
    for (const before of this.#left) {
      // Flows that nothing binds to these any more keep the timer they have.
      before.flows = before.flows.filter((flow) => flow.group === before)
      if (before.flows.length === 0) before.cancelTimer()
    }
    this.#left.clear()
    this.#wait(group)
  }

  #setRate(flow: Flow, now: number): void {
    const { rate, fair } = flow
    if (now > flow.at) flow.left -= Math.min(flow.left, (rate * (now - flow.at)) / 1000)
    flow.at = now
    flow.rate = fair
    flow.endsAt = fair > 0 ? now + Math.ceil((flow.left / fair) * 1000) : Infinity
    for (const link of flow.counted) {
      count(link, now)
      link.rate = link.flows.length === 1 ? countable(fair) : link.rate + countable(fair) - countable(rate)
    }
  }

  /** One timer, for the flow of the group that ends first. */
  #wait(group: Group): void {
    let first = Infinity
    for (const { endsAt } of group.flows) if (endsAt < first) first = endsAt
    if (first === Infinity) return
    group.cancelTimer = this.#clock.setTimer(first - this.#clock.now(), () => {
      const now = this.#clock.now()
      const over = group.flows.filter((flow) => flow.group === group && flow.endsAt <= now)
      group.flows = group.flows.filter((flow) => flow.group === group && flow.endsAt > now)
      for (const flow of over) this.#finish(flow)
      this.#wait(group)
    })
  }

  /** The flows that what has changed binds together, and the links that they share. */
  #connected(): { readonly flows: Flow[]; readonly links: readonly LinkState[] } {
    const round = ++this.#round
    const flows: Flow[] = []
    const links: LinkState[] = []
    const reachFlow = (flow: Flow): void => {
      if (flow.round === round) return
      flow.round = round
      flows.push(flow)
      for (const link of flow.common) reachLink(link)
    }
    const reachLink = (link: LinkState): void => {
      if (link.round === round) return
      link.round = round
      link.open = link.flows.length
      links.push(link)
    }
    for (const link of this.#dirty) {
      const [only] = link.flows
      if (only === undefined || link.bytesPerSecond === Infinity) continue
      if (link.flows.length === 1) reachFlow(only)
      else reachLink(link)
    }
    for (const link of links) for (const flow of link.flows) reachFlow(flow)
    // A flow that shares no link with a limit is bound together with nobody.
    for (const flow of this.#alone) if (flow.live) reachFlow(flow)
    this.#dirty.clear()
    this.#alone.clear()
    return { flows, links }
  }
}

/** Tells the links that a flow shares with others from those that bound it alone; anew when their flows change. */
function tellApart(flow: Flow): void {
  flow.bound = Infinity
  const common: LinkState[] = []
  for (const link of flow.links) {
    if (link.bytesPerSecond === Infinity) continue
    if (link.flows.length > 1) common.push(link)
    else if (link.bytesPerSecond < flow.bound) flow.bound = link.bytesPerSecond
  }
  flow.common = common
}

/** Takes the flow at a place out of those of a link: the last one gets its place. */
function leave(link: LinkState, place: number): void {
  const last = link.flows.pop() as Flow
  if (place === link.flows.length) return
  link.flows[place] = last
  last.places[last.links.indexOf(link)] = place
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
