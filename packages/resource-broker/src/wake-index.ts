import type { Allocation, Blocker, MediaNeed, ResourceChange } from '@nb/contracts'
import {
  anything,
  type BlockedAt,
  blockedAt,
  groupKey,
  sharedReasons,
  takenKeys,
  turnKey,
  unitKey,
} from './blocked-at.ts'
import { IndexedHeap } from './indexed-heap.ts'
import { isReached, type Limit, type LimitUsage } from './limits.ts'
import { compareRank, type Ranked } from './order.ts'
import { SharedReading } from './shared-reading.ts'
import { Bucket, compareSets, Lane, NeedClass, ReasonSet, type Waiting } from './wake-nodes.ts'

const nobody: readonly never[] = []

/**
 * The waiting requests, kept by what they wait for, so that a release looks only at those it can help.
 *
 * Requests that can't be told apart by what blocks them stand in one **lane** (same need, same policy limit, same
 * client limit). The lanes of one need and policy limit are a **bucket**, the buckets of one need a **class**:
 * the media manager answers alike for all of a class. Classes that were denied for the same things, none of which is
 * theirs alone, are one **set of reasons**. Each is a heap in order of service, and so are the open sets.
 * What is blocked is parked whole: a lane at its client's limit, a bucket at its policy's, a set (closed) at what the
 * media manager named. `next` looks at heads only and parks what it finds blocked; a release brings back what was
 * parked there; and when the first of an opened set is denied for the reasons of the set, it is closed again as a whole.
 * So the cost of a grant or a release depends on the few lanes of a client, buckets of a policy and sets of reasons of a
 * storage unit, never on how many requests wait.
 *
 * Invariant: what is parked at a limit can't run, for that limit is reached; what is in a closed set can't run,
 * for the media manager said so and nothing that it named has changed since. The answer `turn` holds only for those of
 * lower rank than whose turn it is: a set closed for it opens when its first one outranks them.
 */
export class WakeIndex<Item extends Waiting> {
  readonly #classes: Map<MediaNeed, NeedClass<Item>> = new Map()
  /** The sets that others may join, by their reasons. */
  readonly #shared: Map<string, ReasonSet<Item>> = new Map()
  readonly #open: IndexedHeap<ReasonSet<Item>> = new IndexedHeap(compareSets)
  readonly #parked: {
    readonly [Kind in Limit['kind']]: Map<string, Set<Bucket<Item> | Lane<Item>>>
  } = { policy: new Map(), client: new Map() }
  /** Sets by the keys of what may open them: those that are closed, and of the shared ones those that soon are again. */
  readonly #registered: Map<string, Set<ReasonSet<Item>>> = new Map()
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
    const parked = this.#parked[of.kind].get(of.name)
    if (parked === undefined) return
    for (const entry of parked) {
      if (isReached(entry.limit, usage)) continue
      this.#unparkOne(entry)
      if (entry instanceof Bucket) this.#bucketChanged(entry)
      else this.#laneChanged(entry)
    }
  }

  /**
   * Closes the class of a need: the media manager gives it nothing now, for these reasons. With it, all that were denied
   * for the same. `below`, for reasons of the kind `turn`: the lowest rank of those whose turn it is.
   */
  close(need: MediaNeed, blockers: readonly Blocker[], below?: Ranked): void {
    const one = this.#classes.get(need)
    if (one === undefined) return
    const at =
      one.reasons.reading?.isOf(blockers) === true ? one.reasons.reading.at : this.#read(one, blockers)
    const set = one.reasons
    this.#register(set, at.wakeKeys)
    set.closed = { at, blockers, below }
    this.#setChanged(set)
  }

  /** Opens the classes that a change of resources may help. */
  wake({ storageUnits, groups }: ResourceChange): void {
    for (const unit of storageUnits) this.#wakeKey(unitKey(unit))
    if (groups !== undefined) for (const group of groups) this.#wakeKey(groupKey(group))
    this.#wakeKey(anything)
  }

  /** Opens the classes that may be helped by what an allocation gives back. */
  wakeReleased(allocation: Allocation): void {
    for (const key of takenKeys(allocation)) this.#wakeKey(key)
    this.#wakeKey(anything)
  }

  /** Opens the classes of jobs that may join a multiplex group on a storage unit. */
  wakeMultiplexed(storageUnit: string): void {
    for (const key of [unitKey(storageUnit), anything])
      for (const set of this.#registered.get(key) ?? [])
        if (set.closed?.at.multiplexed === true) this.#openSet(set)
  }

  /** Opens the classes that keep the turn of a job. */
  wakeTurn(jobId: string): void {
    this.#wakeKey(turnKey(jobId))
  }

  /** Opens the class of one need. */
  wakeNeed(need: MediaNeed): void {
    const known = this.#classes.get(need)
    if (known !== undefined) this.#openSet(known.reasons)
  }

  /** Opens all classes. */
  wakeAll(): void {
    for (const one of this.#classes.values()) this.#openSet(one.reasons)
  }

  /** Whether nobody else waits for the same. */
  isAlone({ need }: Item): boolean {
    const one = this.#classes.get(need)
    if (one === undefined || one.buckets.size > 1 || one.reasons.classes > 1) return false
    const [bucket] = one.buckets.values()
    if (bucket === undefined || bucket.lanes.size > 1) return false
    const [lane] = bucket.lanes.values()
    return lane?.size === 1
  }

  /** What the media manager last said of a need whose class is closed; nothing while it is open. */
  closedBy(need: MediaNeed): readonly Blocker[] {
    return this.#classes.get(need)?.reasons.closed?.blockers ?? []
  }

  /** The storage units where jobs will end all that blocks a need; nothing while its class is open. */
  keepableFor(need: MediaNeed): readonly string[] | undefined {
    return this.#classes.get(need)?.reasons.closed?.at.keepable
  }

  /**
   * Of those who wait for the same, among it something that an allocation takes and jobs will give back, the first that
   * no limit blocks, when it outranks whom the allocation is for.
   */
  passedBy(rank: Ranked, allocation: Allocation, usage: LimitUsage): readonly Item[] {
    const keys = takenKeys(allocation)
    let sets: Set<ReasonSet<Item>> | undefined
    for (let at = 0; at <= keys.length; at++) {
      const registered = this.#registered.get(keys[at] ?? anything)
      if (registered === undefined) continue
      for (const set of registered) {
        const passedAt = set.closed?.at.passedAt
        if (passedAt !== undefined && keys.some((taken) => passedAt.has(taken))) (sets ??= new Set()).add(set)
      }
    }
    if (sets === undefined) return nobody
    const passed: Item[] = []
    for (const set of sets) {
      const first = this.#firstOf(set, usage)
      if (first !== undefined && compareRank(first, rank) < 0) passed.push(first)
    }
    return passed
  }

  /** The first of a set that no limit blocks; what it finds blocked is parked. */
  #firstOf(set: ReasonSet<Item>, usage: LimitUsage): Item | undefined {
    for (let one = set.peek(); one !== undefined; one = set.peek()) {
      const bucket = one.peek()
      const lane = bucket?.peek()
      if (bucket === undefined || lane === undefined) return undefined
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

  #wakeKey(key: string): void {
    const sets = this.#registered.get(key)
    if (sets === undefined) return
    for (const set of sets) this.#openSet(set)
  }

  /** Reads the reasons of a denial, and moves the class to where it stands with them. */
  #read(one: NeedClass<Item>, blockers: readonly Blocker[]): BlockedAt {
    const at = blockedAt(one.need, blockers)
    const set = this.#setFor(one, sharedReasons(one.need, blockers))
    if (set.key !== undefined) set.reading = new SharedReading(at, blockers)
    if (set !== one.reasons) this.#move(one, set)
    return at
  }

  /** The set of a class that was denied for these reasons: a shared one, or its own. */
  #setFor(one: NeedClass<Item>, key: string | undefined): ReasonSet<Item> {
    if (key === undefined) return one.reasons.key === undefined ? one.reasons : new ReasonSet(undefined)
    let set = this.#shared.get(key)
    if (set === undefined) this.#shared.set(key, (set = new ReasonSet(key)))
    return set
  }

  #move(one: NeedClass<Item>, to: ReasonSet<Item>): void {
    this.#leaveSet(one)
    one.reasons = to
    to.classes += 1
    if (one.size > 0) to.put(one)
  }

  #leaveSet(one: NeedClass<Item>): void {
    const { reasons } = one
    reasons.remove(one)
    reasons.classes -= 1
    if (reasons.classes === 0) {
      reasons.closed = undefined
      this.#register(reasons, undefined)
      if (reasons.key !== undefined) this.#shared.delete(reasons.key)
    }
    this.#setChanged(reasons)
  }

  #laneOf({ need, policy, client }: Item): Lane<Item> {
    let parent = this.#classes.get(need)
    if (parent === undefined)
      this.#classes.set(need, (parent = new NeedClass(need, new ReasonSet(undefined))))
    let bucket = parent.buckets.get(policy)
    if (bucket === undefined) parent.buckets.set(policy, (bucket = new Bucket(parent, policy)))
    let lane = bucket.lanes.get(client)
    if (lane === undefined) bucket.lanes.set(client, (lane = new Lane(bucket, client)))
    return lane
  }

  /** Puts a lane where it belongs after its requests changed, and all above it. */
  #laneChanged(lane: Lane<Item>): void {
    const { bucket } = lane
    const wasFirst = lane.position === 0
    if (lane.size === 0) {
      if (lane.parked) this.#unparkOne(lane)
      bucket.remove(lane)
      bucket.lanes.delete(lane.limit)
    } else if (!lane.parked) bucket.put(lane)
    // Nothing above a lane knows of it unless it is the first.
    if (wasFirst || lane.position === 0 || bucket.lanes.size === 0) this.#bucketChanged(bucket)
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
      this.#classes.delete(one.need)
      this.#leaveSet(one)
      return
    }
    if (one.size > 0) one.reasons.put(one)
    else one.reasons.remove(one)
    this.#setChanged(one.reasons)
  }

  #setChanged(set: ReasonSet<Item>): void {
    const first = set.peek()?.peek()?.peek()?.peek()
    const below = set.closed?.below
    if (first !== undefined && below !== undefined && compareRank(first, below) < 0) this.#forgetClosed(set)
    if (set.closed === undefined && first !== undefined) this.#open.put(set)
    else this.#open.remove(set)
  }

  #openSet(set: ReasonSet<Item>): void {
    if (set.closed === undefined) return
    this.#forgetClosed(set)
    this.#setChanged(set)
  }

  #forgetClosed(set: ReasonSet<Item>): void {
    set.closed = undefined
    // The next denial for shared reasons is most often for the same ones.
    if (set.key === undefined) this.#register(set, undefined)
  }

  /** Lets a set be found by these keys and no others. */
  #register(set: ReasonSet<Item>, keys: readonly string[] | undefined): void {
    if (set.registered === keys) return
    for (const key of set.registered ?? []) deleteFrom(this.#registered, key, set)
    set.registered = keys
    for (const key of keys ?? []) addTo(this.#registered, key, set)
  }

  #park(entry: Bucket<Item> | Lane<Item>): void {
    if (entry.limit === undefined) return
    entry.parked = true
    addTo(this.#parked[entry.limit.kind], entry.limit.name, entry)
  }

  #unparkOne(entry: Bucket<Item> | Lane<Item>): void {
    if (entry.limit === undefined) return
    entry.parked = false
    deleteFrom(this.#parked[entry.limit.kind], entry.limit.name, entry)
  }
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
