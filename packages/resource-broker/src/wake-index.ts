import type { Allocation, Blocker, MediaNeed, ResourceChange } from '@nb/contracts'
import { anything, type BlockedAt, blockedAt, groupKey, takenKeys, turnKey, unitKey } from './blocked-at.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import { isReached, type Limit, type LimitUsage, type RequestLimits } from './limits.ts'
import { compareRank, type Ranked } from './order.ts'
import { usageKey } from './usage.ts'

/** A request as the index sees it. Needs and limits are told apart by identity: equal ones had better be the same. */
export interface Waiting extends Ranked, HeapItem, RequestLimits {
  readonly need: MediaNeed
}

/**
 * The waiting requests, kept by what they wait for, so that a release looks only at those it can help.
 *
 * Requests that can't be told apart by what blocks them stand in one **lane** (same need, same policy limit, same
 * client limit). The lanes of one need and policy limit are a **bucket**, the buckets of one need a **class**:
 * the media manager answers alike for all of a class. Each is a heap in order of service, and so are the open classes.
 * What is blocked is parked whole: a lane at its client's limit, a bucket at its policy's, a class (closed) at what the
 * media manager named. `next` looks at heads only and parks what it finds blocked; a release brings back what was
 * parked there. So the cost of a grant or a release depends on the few lanes of a client, buckets of a policy and
 * classes of a storage unit, never on how many requests wait.
 *
 * Invariant: what is parked at a limit can't run, for that limit is reached; what is in a closed class can't run,
 * for the media manager said so and nothing that it named has changed since. The answer `turn` holds only for those of
 * lower rank than whose turn it is: a class closed for it opens when its first one outranks them.
 */
export class WakeIndex<Item extends Waiting> {
  readonly #classes: Map<MediaNeed, NeedClass<Item>> = new Map()
  readonly #open: IndexedHeap<NeedClass<Item>> = new IndexedHeap(compareClasses)
  readonly #parked: Map<string, Set<Bucket<Item> | Lane<Item>>> = new Map()
  /** Closed classes by the keys of what may open them. */
  readonly #closed: Map<string, Set<NeedClass<Item>>> = new Map()
  #size = 0

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /** Adds a waiting request. */
  add(item: Item): void {
    const lane = this.#laneOf(item)
    lane.put(item)
    this.#size += 1
    this.#laneChanged(lane)
  }

  /** Takes a request out, wherever it stands. */
  remove(item: Item): void {
    const lane = this.#laneOf(item)
    lane.remove(item)
    this.#size -= 1
    this.#laneChanged(lane)
  }

  /** Gives a request its new place after `change` has changed its rank. */
  reposition(item: Item, change: () => void): void {
    const lane = this.#laneOf(item)
    change()
    lane.put(item)
    this.#laneChanged(lane)
  }

  /** The first in order of service that no limit blocks and whose class is open. It stays in the index. */
  next(usage: LimitUsage): Item | undefined {
    for (let first = this.#open.peek(); first !== undefined; first = this.#open.peek()) {
      const item = this.#firstOf(first, usage)
      // Parking the head of the class may have given another class the first place.
      if (item !== undefined && this.#open.peek() === first) return item
    }
    return undefined
  }

  /** Brings back what was parked at a limit that is no longer reached. */
  unpark(of: Pick<Limit, 'kind' | 'name'>, usage: LimitUsage): void {
    for (const entry of this.#parked.get(usageKey(of)) ?? []) {
      if (isReached(entry.limit, usage)) continue
      this.#unparkOne(entry)
      if (entry instanceof Bucket) this.#bucketChanged(entry)
      else this.#laneChanged(entry)
    }
  }

  /**
   * Closes the class of a need: the media manager gives it nothing now, for these reasons. `below`, for reasons of the
   * kind `turn`: the lowest rank of those whose turn it is.
   */
  close(need: MediaNeed, blockers: readonly Blocker[], below?: Ranked): void {
    const known = this.#classes.get(need)
    if (known === undefined) return
    this.#forgetClosed(known)
    known.closed = { ...blockedAt(need, blockers), blockers, below }
    for (const key of known.closed.wakeKeys) addTo(this.#closed, key, known)
    this.#classChanged(known)
  }

  /** Opens the classes that a change of resources may help. */
  wake({ storageUnits, groups = [] }: ResourceChange): void {
    this.#wakeKeys([...storageUnits.map(unitKey), ...groups.map(groupKey), anything])
  }

  /** Opens the classes that may be helped by what an allocation gives back. */
  wakeReleased(allocation: Allocation): void {
    this.#wakeKeys([...takenKeys(allocation), anything])
  }

  /** Opens the classes of jobs that may join a multiplex group on a storage unit. */
  wakeMultiplexed(storageUnit: string): void {
    for (const key of [unitKey(storageUnit), anything])
      for (const one of [...(this.#closed.get(key) ?? [])])
        if (one.need.kind === 'write' && (one.need.multiplexing ?? 1) > 1) this.#openClass(one)
  }

  /** Opens the classes that keep the turn of a job. */
  wakeTurn(jobId: string): void {
    this.#wakeKeys([turnKey(jobId)])
  }

  /** Opens the class of one need. */
  wakeNeed(need: MediaNeed): void {
    const known = this.#classes.get(need)
    if (known !== undefined) this.#openClass(known)
  }

  /** Opens all classes. */
  wakeAll(): void {
    for (const one of this.#classes.values()) this.#openClass(one)
  }

  /** What the media manager last said of a need whose class is closed; nothing while it is open. */
  closedBy(need: MediaNeed): readonly Blocker[] {
    return this.#classes.get(need)?.closed?.blockers ?? []
  }

  /** The storage units where jobs will end all that blocks a need; nothing while its class is open. */
  keepableFor(need: MediaNeed): readonly string[] | undefined {
    return this.#classes.get(need)?.closed?.keepable
  }

  /**
   * Of each need that waits for something an allocation takes and jobs will give back, the first that no limit blocks,
   * when it outranks whom the allocation is for.
   */
  passedBy(rank: Ranked, allocation: Allocation, usage: LimitUsage): readonly Item[] {
    const keys = takenKeys(allocation)
    const classes = new Set<NeedClass<Item>>()
    for (const key of [...keys, anything])
      for (const one of this.#closed.get(key) ?? [])
        if (keys.some((taken) => one.closed?.passedAt.has(taken))) classes.add(one)
    const passed: Item[] = []
    for (const one of classes) {
      const first = this.#firstOf(one, usage)
      if (first !== undefined && compareRank(first, rank) < 0) passed.push(first)
    }
    return passed
  }

  /** The first of a class that no limit blocks; what it finds blocked is parked. */
  #firstOf(one: NeedClass<Item>, usage: LimitUsage): Item | undefined {
    for (let bucket = one.peek(); bucket !== undefined; bucket = one.peek()) {
      const lane = bucket.peek()
      if (lane === undefined) return undefined
      if (isReached(bucket.limit, usage)) {
        one.remove(bucket)
        this.#park(bucket)
        this.#classChanged(one)
      } else if (isReached(lane.limit, usage)) {
        bucket.remove(lane)
        this.#park(lane)
        this.#bucketChanged(bucket)
      } else return lane.peek()
    }
    return undefined
  }

  #wakeKeys(keys: readonly string[]): void {
    for (const key of keys) for (const one of [...(this.#closed.get(key) ?? [])]) this.#openClass(one)
  }

  #laneOf({ need, policy, client }: Item): Lane<Item> {
    let parent = this.#classes.get(need)
    if (parent === undefined) this.#classes.set(need, (parent = new NeedClass(need)))
    let bucket = parent.buckets.get(policy)
    if (bucket === undefined) parent.buckets.set(policy, (bucket = new Bucket(parent, policy)))
    let lane = bucket.lanes.get(client)
    if (lane === undefined) bucket.lanes.set(client, (lane = new Lane(bucket, client)))
    return lane
  }

  /** Puts a lane where it belongs after its requests changed, and all above it. */
  #laneChanged(lane: Lane<Item>): void {
    const { bucket } = lane
    if (lane.size === 0) {
      if (lane.parked) this.#unparkOne(lane)
      bucket.remove(lane)
      bucket.lanes.delete(lane.limit)
    } else if (!lane.parked) bucket.put(lane)
    this.#bucketChanged(bucket)
  }

  #bucketChanged(bucket: Bucket<Item>): void {
    const { parent } = bucket
    if (bucket.lanes.size === 0) {
      if (bucket.parked) this.#unparkOne(bucket)
      parent.buckets.delete(bucket.limit)
    }
    // A bucket all of whose lanes are parked has no order; it comes back with the first of them.
    if (bucket.size === 0) parent.remove(bucket)
    else if (!bucket.parked) parent.put(bucket)
    this.#classChanged(parent)
  }

  #classChanged(one: NeedClass<Item>): void {
    if (one.buckets.size === 0) {
      this.#forgetClosed(one)
      this.#classes.delete(one.need)
      this.#open.remove(one)
      return
    }
    const first = one.peek()?.peek()?.peek()
    const below = one.closed?.below
    if (first !== undefined && below !== undefined && compareRank(first, below) < 0) this.#forgetClosed(one)
    if (one.closed === undefined && first !== undefined) this.#open.put(one)
    else this.#open.remove(one)
  }

  #openClass(one: NeedClass<Item>): void {
    if (one.closed === undefined) return
    this.#forgetClosed(one)
    this.#classChanged(one)
  }

  #forgetClosed(one: NeedClass<Item>): void {
    for (const key of one.closed?.wakeKeys ?? []) deleteFrom(this.#closed, key, one)
    one.closed = undefined
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

/** Why a class is closed. */
interface Closed extends BlockedAt {
  readonly blockers: readonly Blocker[]
  readonly below: Ranked | undefined
}

/** All requests of one need. */
class NeedClass<Item extends Waiting> extends IndexedHeap<Bucket<Item>> implements HeapItem {
  readonly need: MediaNeed
  readonly buckets: Map<Limit | undefined, Bucket<Item>> = new Map()
  position = -1
  /** Absent while it is open. */
  closed: Closed | undefined = undefined

  constructor(need: MediaNeed) {
    super(compareBuckets)
    this.need = need
  }
}

/** All requests of one need under one limit of a policy. */
class Bucket<Item extends Waiting> extends IndexedHeap<Lane<Item>> implements HeapItem {
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
class Lane<Item extends Waiting> extends IndexedHeap<Item> implements HeapItem {
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

function compareLanes<Item extends Waiting>(a: Lane<Item>, b: Lane<Item>): number {
  return compareRank(a.peek() as Item, b.peek() as Item)
}

function compareBuckets<Item extends Waiting>(a: Bucket<Item>, b: Bucket<Item>): number {
  return compareLanes(a.peek() as Lane<Item>, b.peek() as Lane<Item>)
}

function compareClasses<Item extends Waiting>(a: NeedClass<Item>, b: NeedClass<Item>): number {
  return compareBuckets(a.peek() as Bucket<Item>, b.peek() as Bucket<Item>)
}

function addTo<Value>(map: Map<string, Set<Value>>, key: string, value: Value): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, new Set([value]))
  else values.add(value)
}

function deleteFrom<Value>(map: Map<string, Set<Value>>, key: string, value: Value): void {
  const values = map.get(key)
  if (values?.delete(value) === true && values.size === 0) map.delete(key)
}
