import type { Blocker, MediaNeed } from '@nb/contracts'
import type { BlockedAt } from './blocked-at.ts'
import type { SharedReading } from './shared-reading.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import type { Limit, RequestLimits } from './limits.ts'
import { compareRank, type Ranked } from './order.ts'

/** A request as the index sees it. Needs and limits are told apart by identity: equal ones had better be the same. */
export interface Waiting extends Ranked, HeapItem, RequestLimits {
  readonly need: MediaNeed
}

/** Why the classes of a set are closed. */
export interface Closed {
  readonly at: BlockedAt
  readonly blockers: readonly Blocker[]
  /** For reasons of the kind `turn`: they hold only for those below this rank. */
  readonly below: Ranked | undefined
}

/** The needs that were denied for the very same reasons, or one need that has reasons of its own, or none yet. */
export class ReasonSet<Item extends Waiting> extends IndexedHeap<NeedClass<Item>> implements HeapItem {
  /** Names the reasons, where others may share them. */
  readonly key: string | undefined
  /** How many classes it has, those without an order included. */
  classes = 0
  position = -1
  /** Absent while it is open. */
  closed: Closed | undefined = undefined
  /** What the reasons meant when they were told last, where others may share them. */
  reading: SharedReading | undefined = undefined
  /** The keys under which it is found by what may open it. */
  registered: readonly string[] | undefined = undefined

  constructor(key: string | undefined) {
    super(compareClasses)
    this.key = key
  }
}

/** All requests of one need. */
export class NeedClass<Item extends Waiting> extends IndexedHeap<Bucket<Item>> implements HeapItem {
  readonly need: MediaNeed
  reasons: ReasonSet<Item>
  readonly buckets: Map<Limit | undefined, Bucket<Item>> = new Map()
  position = -1

  constructor(need: MediaNeed, reasons: ReasonSet<Item>) {
    super(compareBuckets)
    this.need = need
    this.reasons = reasons
    reasons.classes += 1
  }
}

/** All requests of one need under one limit of a policy. */
export class Bucket<Item extends Waiting> extends IndexedHeap<Lane<Item>> implements HeapItem {
  readonly parent: NeedClass<Item>
  readonly limit: Limit | undefined
  readonly lanes: Map<Limit | undefined, Lane<Item>> = new Map()
  position = -1
  parked = false

  constructor(parent: NeedClass<Item>, limit: Limit | undefined) {
    super(compareLanes)
    this.parent = parent
    this.limit = limit
  }
}

/** All requests that nothing tells apart but their rank. */
export class Lane<Item extends Waiting> extends IndexedHeap<Item> implements HeapItem {
  readonly bucket: Bucket<Item>
  readonly limit: Limit | undefined
  position = -1
  parked = false

  constructor(bucket: Bucket<Item>, limit: Limit | undefined) {
    super(compareRank)
    this.bucket = bucket
    this.limit = limit
  }
}

// In a heap stands only what has a first request; its order is that one's.

function compareLanes<Item extends Waiting>(a: Lane<Item>, b: Lane<Item>): number {
  return compareRank(a.peek() as Item, b.peek() as Item)
}

function compareBuckets<Item extends Waiting>(a: Bucket<Item>, b: Bucket<Item>): number {
  return compareLanes(a.peek() as Lane<Item>, b.peek() as Lane<Item>)
}

function compareClasses<Item extends Waiting>(a: NeedClass<Item>, b: NeedClass<Item>): number {
  return compareBuckets(a.peek() as Bucket<Item>, b.peek() as Bucket<Item>)
}

/** Order of sets by their first request. */
export function compareSets<Item extends Waiting>(a: ReasonSet<Item>, b: ReasonSet<Item>): number {
  return compareClasses(a.peek() as NeedClass<Item>, b.peek() as NeedClass<Item>)
}
