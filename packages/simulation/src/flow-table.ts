import type { RateTable, Share, SharedLink } from './fair-rates.ts'
import type { TimeSeries } from './time-series.ts'

/** A client, media server, drive or disk with a throughput that the flows over it share. */
export interface Link extends SharedLink {
  readonly name: string
  /** Gets the bytes that pass. */
  readonly series?: TimeSeries
}

/** A link with the flows over it. */
export interface LinkState extends Link, Share {
  /** The table of its network. */
  readonly table: FlowTable
  /** Numbers of its flows, in no order. */
  readonly flows: number[]
  /** Of all its flows together, bytes per second, counted into its series up to `at`. */
  rate: number
  at: number
  /** The last round of rates it was reached in. */
  round: number
}

/** Flows whose rates were found together: one timer is enough for them. */
export interface FlowGroup {
  readonly flows: number[]
  cancelTimer: () => void
}

/** Numbers of flows in a list that is used again and again: those up to `count` are meant. */
export interface FlowList {
  readonly flows: number[]
  count: number
}

/**
 * The flows of a network by number, a column for each thing: a month has hundreds of millions of rates to find, each of
 * which looks at a few columns of a hundred flows. The number of a flow that is over is given to another.
 */
export class FlowTable implements RateTable {
  /** Bytes that had not passed at the time in `at`. */
  left: Float64Array = new Float64Array(64)
  at: Float64Array = new Float64Array(64)
  /** Bytes per second. */
  rate: Float64Array = new Float64Array(64)
  /** The last byte passes then; Infinity while nothing passes. */
  endsAt: Float64Array = new Float64Array(64)
  bound: Float64Array = new Float64Array(64)
  fair: Float64Array = new Float64Array(64)
  /** The last round of rates a flow was found in. */
  round: Float64Array = new Float64Array(64)
  /** All links of a flow; absent when it is over. */
  readonly links: (readonly LinkState[] | undefined)[] = []
  readonly common: (readonly LinkState[] | undefined)[] = []
  /** Those of the links that have series. */
  readonly counted: (readonly LinkState[] | undefined)[] = []
  /** Where a flow stands among the flows of each of its links. */
  readonly #places: number[][] = []
  readonly group: (FlowGroup | undefined)[] = []
  readonly resolve: (() => void)[] = []
  readonly #free: number[] = []
  #size = 0

  /** Adds a flow to its links; its rate is not found yet. */
  add(bytes: number, links: readonly LinkState[], now: number, resolve: () => void): number {
    const flow = this.#free.pop() ?? this.#size++
    if (flow === this.left.length) this.#grow()
    this.left[flow] = bytes
    this.at[flow] = now
    this.rate[flow] = 0
    this.endsAt[flow] = Infinity
    this.fair[flow] = 0
    this.round[flow] = 0
    this.links[flow] = links
    this.counted[flow] = links.filter(({ series }) => series !== undefined)
    this.#places[flow] = links.map((link) => link.flows.push(flow) - 1)
    this.group[flow] = undefined
    this.resolve[flow] = resolve
    for (const { flows } of links) if (flows.length === 2) this.#tellApart(flows[0] as number)
    this.#tellApart(flow)
    return flow
  }

  /** Takes a flow off its links. */
  delete(flow: number): void {
    const links = this.links[flow] as readonly LinkState[]
    const places = this.#places[flow] as number[]
    for (const [index, link] of links.entries()) this.#leave(link, places[index] as number)
    for (const { flows } of links) if (flows.length === 1) this.#tellApart(flows[0] as number)
    this.links[flow] = undefined
    this.common[flow] = undefined
    this.counted[flow] = undefined
    this.group[flow] = undefined
    this.#free.push(flow)
  }

  /** Gives a group these flows, and no others. */
  fill({ flows }: FlowGroup, { flows: given, count }: FlowList): void {
    for (let at = 0; at < count; at += 1) flows[at] = given[at] as number
    flows.length = count
  }

  /** Takes out of the list of a group who is in it no more, and who ends by then: these are the answer. */
  compact(group: FlowGroup, endsBy: number = -Infinity): readonly number[] {
    const { flows } = group
    const over: number[] = []
    let kept = 0
    const count = flows.length
    for (let at = 0; at < count; at += 1) {
      const flow = flows[at] as number
      if (this.group[flow] !== group) continue
      if ((this.endsAt[flow] as number) <= endsBy) over.push(flow)
      else flows[kept++] = flow
    }
    flows.length = kept
    return over
  }

  /** Tells the links that a flow shares with others from those that bound it alone; anew when their flows change. */
  #tellApart(flow: number): void {
    let bound = Infinity
    const common: LinkState[] = []
    for (const link of this.links[flow] as readonly LinkState[]) {
      if (link.bytesPerSecond === Infinity) continue
      if (link.flows.length > 1) common.push(link)
      else if (link.bytesPerSecond < bound) bound = link.bytesPerSecond
    }
    this.bound[flow] = bound
    this.common[flow] = this.#likeOthers(common)
  }

  /** The list of another flow that shares the same links: who looks at many flows then looks at few lists. */
  #likeOthers(common: readonly LinkState[]): readonly LinkState[] {
    const [first] = common
    const others = this.common[first?.flows[0] ?? -1]
    const isSame = others?.length === common.length && common.every((link, index) => others[index] === link)
    return isSame ? others : common
  }

  /** Takes the flow at a place out of those of a link: the last one gets its place. */
  #leave(link: LinkState, place: number): void {
    const last = link.flows.pop() as number
    if (place === link.flows.length) return
    link.flows[place] = last
    const index = this.links[last]?.indexOf(link) as number
    const places = this.#places[last] as number[]
    places[index] = place
  }

  #grow(): void {
    for (const name of ['left', 'at', 'rate', 'endsAt', 'bound', 'fair', 'round'] as const) {
      const column = new Float64Array(2 * this[name].length)
      column.set(this[name])
      this[name] = column
    }
  }
}
