import type { Blocker, MediaNeed, ResourceChange } from '@nb/contracts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import { isReached, type Limit, type LimitUsage, type RequestLimits } from './limits.ts'
import { compareRank, type Ranked } from './order.ts'
import { usageKey } from './usage.ts'

/** A request as the index sees it. */
export interface Waiting extends Ranked, HeapItem {
  readonly need: MediaNeed
  readonly limits: RequestLimits
}

/**
 * The waiting requests, kept by what they wait for, so that a release looks only at those it can help.
 *
 * Requests that can't be told apart by what blocks them stand in one **lane** (same need, same policy limit, same
 * client limit). The lanes of one need and policy limit are a **bucket**, the buckets of one need a **class**:
 * the media manager answers alike for all of a class. Each is a heap in order of service. What is blocked is parked
 * whole: a lane at its client's limit, a bucket at its policy's, a class (closed) at the storage units that the media
 * manager named. `next` looks at the heads of the open classes only and parks what it finds blocked; a release
 * brings back what was parked there. So the cost of a grant or a release depends on the few lanes of a client, buckets
 * of a policy and classes of a storage unit, never on how many requests wait.
 *
 * Invariant: what is parked at a limit can't run, for that limit is reached; what is in a closed class can't run,
 * for the media manager said so and nothing that it named has changed since.
 */
export class WakeIndex<Item extends Waiting> {
  readonly #classes: Map<string, NeedClass<Item>> = new Map()
  readonly #open: Set<NeedClass<Item>> = new Set()
  readonly #parked: Map<string, Set<Bucket<Item> | Lane<Item>>> = new Map()
  /** Closed classes by the storage units and groups (`unit:`, `group:`) that may open them. */
  readonly #closed: Map<string, Set<NeedClass<Item>>> = new Map()
  #size = 0

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /** Adds a waiting request. */
  add(item: Item): void {
    const lane = this.#laneOf(item)
    lane.heap.put(item)
    this.#size += 1
    this.#laneChanged(lane)
  }

  /** Takes a request out, wherever it stands. */
  remove(item: Item): void {
    const lane = this.#laneOf(item)
    lane.heap.remove(item)
    this.#size -= 1
    this.#laneChanged(lane)
  }

  /** The first in order of service that no limit blocks and whose class is open. It stays in the index. */
  next(usage: LimitUsage): Item | undefined {
    for (;;) {
      const bucket = this.#firstBucket()
      const lane = bucket?.heap.peek()
      if (bucket === undefined || lane === undefined) return undefined
      if (isReached(bucket.limit, usage)) {
        bucket.parent.heap.remove(bucket)
        this.#park(bucket)
        this.#classChanged(bucket.parent)
      } else if (isReached(lane.limit, usage)) {
        bucket.heap.remove(lane)
        this.#park(lane)
        this.#bucketChanged(bucket)
      } else return lane.heap.peek()
    }
  }

  /** Brings back what was parked at a limit that is no longer reached. */
  unpark(of: Pick<Limit, 'kind' | 'name'>, usage: LimitUsage): void {
    const key = usageKey(of)
    const parked = this.#parked.get(key)
    for (const entry of parked ?? []) {
      if (isReached(entry.limit, usage)) continue
      this.#unparkOne(entry)
      if (entry instanceof Bucket) this.#bucketChanged(entry)
      else this.#laneChanged(entry)
    }
  }

  /** Closes the class of a need: the media manager gives it nothing now, for these reasons. */
  close(need: MediaNeed, blockers: readonly Blocker[]): void {
    const known = this.#classes.get(needKey(need))
    if (known === undefined) return
    this.#forgetClosed(known)
    known.open = false
    known.blockers = blockers
    known.wakeKeys = wakeKeys(need, blockers)
    for (const key of known.wakeKeys) addTo(this.#closed, key, known)
    this.#classChanged(known)
  }

  /** Opens the classes that a change of resources may help. */
  wake(change: ResourceChange): void {
    const keys = [
      ...change.storageUnits.map((name) => `unit:${name}`),
      ...(change.groups ?? []).map((name) => `group:${name}`),
      anything,
    ]
    for (const key of keys) for (const one of [...(this.#closed.get(key) ?? [])]) this.#openClass(one)
  }

  /** Opens the class of one need. */
  wakeNeed(need: MediaNeed): void {
    const known = this.#classes.get(needKey(need))
    if (known !== undefined) this.#openClass(known)
  }

  /** Opens the classes that wait for drives or volumes, of any storage unit. */
  wakeTape(): void {
    for (const one of this.#classes.values())
      if (one.blockers.some(({ kind }) => kind === 'drive' || kind === 'volume')) this.#openClass(one)
  }

  /** Opens all classes. */
  wakeAll(): void {
    for (const one of this.#classes.values()) this.#openClass(one)
  }

  /** What the media manager last said of a need whose class is closed; nothing while it is open. */
  closedBy(need: MediaNeed): readonly Blocker[] {
    const known = this.#classes.get(needKey(need))
    return known === undefined || known.open ? [] : known.blockers
  }

  #firstBucket(): Bucket<Item> | undefined {
    let first: Bucket<Item> | undefined
    for (const { heap } of this.#open) {
      const bucket = heap.peek()
      if (bucket !== undefined && (first === undefined || compareBuckets(bucket, first) < 0)) first = bucket
    }
    return first
  }

  #laneOf(item: Item): Lane<Item> {
    const key = needKey(item.need)
    let parent = this.#classes.get(key)
    if (parent === undefined) this.#classes.set(key, (parent = new NeedClass(key)))
    const { policy, client } = item.limits
    const policyKey = limitKey(policy)
    let bucket = parent.buckets.get(policyKey)
    if (bucket === undefined) parent.buckets.set(policyKey, (bucket = new Bucket(policyKey, parent, policy)))
    const clientKey = limitKey(client)
    let lane = bucket.lanes.get(clientKey)
    if (lane === undefined) bucket.lanes.set(clientKey, (lane = new Lane(clientKey, bucket, client)))
    return lane
  }

  /** Puts a lane where it belongs after its requests changed, and all above it. */
  #laneChanged(lane: Lane<Item>): void {
    const { bucket } = lane
    if (lane.heap.size === 0) {
      if (lane.parked) this.#unparkOne(lane)
      bucket.heap.remove(lane)
      bucket.lanes.delete(lane.key)
    } else if (!lane.parked) bucket.heap.put(lane)
    this.#bucketChanged(bucket)
  }

  #bucketChanged(bucket: Bucket<Item>): void {
    const { parent } = bucket
    if (bucket.lanes.size === 0) {
      if (bucket.parked) this.#unparkOne(bucket)
      parent.buckets.delete(bucket.key)
    }
    // A bucket all of whose lanes are parked has no order; it comes back with the first of them.
    if (bucket.heap.size === 0) parent.heap.remove(bucket)
    else if (!bucket.parked) parent.heap.put(bucket)
    this.#classChanged(parent)
  }

  #classChanged(one: NeedClass<Item>): void {
    if (one.buckets.size === 0) {
      this.#forgetClosed(one)
      this.#classes.delete(one.key)
      this.#open.delete(one)
    } else if (one.open && one.heap.size > 0) this.#open.add(one)
    else this.#open.delete(one)
  }

  #openClass(one: NeedClass<Item>): void {
    if (one.open) return
    this.#forgetClosed(one)
    one.open = true
    this.#classChanged(one)
  }

  #forgetClosed(one: NeedClass<Item>): void {
    for (const key of one.wakeKeys) deleteFrom(this.#closed, key, one)
    one.wakeKeys = []
  }

  #park(entry: Bucket<Item> | Lane<Item>): void {
    if (entry.limit === undefined) return
    entry.parked = true
    addTo(this.#parked, usageKey(entry.limit), entry)
  }

  #unparkOne(entry: Bucket<Item> | Lane<Item>): void {
    if (entry.limit === undefined) return
    entry.parked = false
    deleteFrom(this.#parked, usageKey(entry.limit), entry)
  }
}

/** All requests of one need. */
class NeedClass<Item extends Waiting> {
  readonly key: string
  readonly buckets: Map<string, Bucket<Item>> = new Map()
  readonly heap: IndexedHeap<Bucket<Item>> = new IndexedHeap(compareBuckets)
  open = true
  blockers: readonly Blocker[] = []
  wakeKeys: readonly string[] = []

  constructor(key: string) {
    this.key = key
  }
}

/** All requests of one need under one limit of a policy. */
class Bucket<Item extends Waiting> implements HeapItem {
  readonly key: string
  readonly parent: NeedClass<Item>
  readonly limit: Limit | undefined
  readonly lanes: Map<string, Lane<Item>> = new Map()
  readonly heap: IndexedHeap<Lane<Item>> = new IndexedHeap(compareLanes)
  position = -1
  parked = false

  constructor(key: string, parent: NeedClass<Item>, limit: Limit | undefined) {
    this.key = key
    this.parent = parent
    this.limit = limit
  }
}

/** All requests that nothing tells apart but their rank. */
class Lane<Item extends Waiting> implements HeapItem {
  readonly key: string
  readonly bucket: Bucket<Item>
  readonly limit: Limit | undefined
  readonly heap: IndexedHeap<Item> = new IndexedHeap<Item>(compareRank)
  position = -1
  parked = false

  constructor(key: string, bucket: Bucket<Item>, limit: Limit | undefined) {
    this.key = key
    this.bucket = bucket
    this.limit = limit
  }
}

function compareLanes<Item extends Waiting>(a: Lane<Item>, b: Lane<Item>): number {
  return compareRank(a.heap.peek() as Item, b.heap.peek() as Item)
}

function compareBuckets<Item extends Waiting>(a: Bucket<Item>, b: Bucket<Item>): number {
  return compareLanes(a.heap.peek() as Lane<Item>, b.heap.peek() as Lane<Item>)
}

/** Waits for any change at all. */
const anything = '*'

/** What may open the class of a need that was denied for these reasons. */
function wakeKeys(need: MediaNeed, blockers: readonly Blocker[]): readonly string[] {
  const storage = need.kind === 'read' ? undefined : need.storage
  if (storage?.kind === 'any' || blockers.some(({ storageUnit }) => storageUnit === undefined))
    return [anything]
  const keys = new Set(blockers.map(({ storageUnit }) => `unit:${storageUnit ?? ''}`))
  if (storage?.kind === 'group') keys.add(`group:${storage.name}`)
  return [...keys]
}

/** Needs that the media manager answers alike have the same key. */
export function needKey(need: MediaNeed): string {
  if (need.kind === 'read') return `read\0${need.storageUnit}\0${need.volumeId ?? ''}`
  const { storage, volumePool, retentionLevel, multiplexing = 1, continues = false } = need
  const name = storage.kind === 'any' ? '' : storage.name
  return `write\0${storage.kind}\0${name}\0${volumePool}\0${retentionLevel}\0${multiplexing}\0${continues}`
}

const limitKey = (limit: Limit | undefined): string =>
  limit === undefined ? '' : `${limit.name}\0${limit.most}`

function addTo<Value>(map: Map<string, Set<Value>>, key: string, value: Value): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, new Set([value]))
  else values.add(value)
}

function deleteFrom<Value>(map: Map<string, Set<Value>>, key: string, value: Value): void {
  const values = map.get(key)
  if (values?.delete(value) === true && values.size === 0) map.delete(key)
}
