import type { Clock } from '@nb/contracts'
import { type SharedLink, fairRates } from './fair-rates.ts'
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
  left: number
  /** Bytes per second. */
  rate: number
  /** When `left` was true. */
  at: number
  cancelTimer: () => void
  readonly resolve: () => void
}

interface LinkState extends Link {
  readonly flows: Set<Flow>
}

/**
 * Flows of data over links, at max-min fair rates at every moment. When one starts or ends, only the flows are computed
 * anew that share a link with it, or with one that does; a flow whose rate stays keeps its timer.
 */
export class FlowNetwork {
  readonly #clock: Clock
  readonly #links = new Map<string, LinkState>()
  readonly #dirty = new Set<LinkState>()
  readonly #alone = new Set<Flow>()
  #cancelPending: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a link. Names are unique. */
  addLink(link: Link): void {
    this.#links.set(link.name, { ...link, flows: new Set() })
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
      left: bytes,
      rate: 0,
      at: this.#clock.now(),
      cancelTimer: () => undefined,
      resolve,
    }
    for (const link of states) link.flows.add(flow)
    this.#changed(flow)
    const abort = (reason: Error): void => {
      if (!states.some((link) => link.flows.has(flow))) return
      this.#settle(flow)
      this.#remove(flow)
      reject(reason)
    }
    return { done, abort }
  }

  /** Counts what has passed up to now into the series. */
  settle(): void {
    for (const link of this.#links.values()) for (const flow of link.flows) this.#settle(flow)
  }

  #finish(flow: Flow): void {
    // The last byte: what rounding left over belongs to it.
    this.#count(flow, flow.left)
    flow.left = 0
    this.#remove(flow)
    flow.resolve()
  }

  #remove(flow: Flow): void {
    flow.cancelTimer()
    for (const link of flow.links) link.flows.delete(flow)
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
    const flows = connected(this.#dirty)
    // A flow over links without a limit is bound together with nobody.
    for (const flow of this.#alone) if (flow.links.some((link) => link.flows.has(flow))) flows.add(flow)
    this.#dirty.clear()
    this.#alone.clear()
    const now = this.#clock.now()
    for (const [flow, rate] of fairRates<LinkState, Flow>([...flows])) {
      if (rate === flow.rate) continue
      this.#settle(flow)
      flow.rate = rate
      flow.cancelTimer()
      if (rate <= 0) continue
      const endsAt = now + Math.ceil((flow.left / rate) * 1000)
      flow.cancelTimer = this.#clock.setTimer(endsAt - now, () => this.#finish(flow))
    }
  }

  #settle(flow: Flow): void {
    const passed = Math.min(flow.left, (flow.rate * (this.#clock.now() - flow.at)) / 1000)
    this.#count(flow, passed)
    flow.left -= passed
  }

  #count(flow: Flow, bytes: number): void {
    const now = this.#clock.now()
    for (const { series } of flow.links) series?.add(flow.at, now, bytes)
    flow.at = now
  }
}

function connected(changed: ReadonlySet<LinkState>): Set<Flow> {
  const links = new Set<LinkState>(changed)
  const flows = new Set<Flow>()
  for (const link of links) {
    // What has no limit binds nobody together.
    if (link.bytesPerSecond === Infinity) continue
    for (const flow of link.flows) {
      if (flows.has(flow)) continue
      flows.add(flow)
      for (const other of flow.links) links.add(other)
    }
  }
  return flows
}
