import type { Held } from './held.ts'
import { keyOf } from './site.ts'
import { SortedList } from './sorted-list.ts'

/** Allocations that hold one thing, by id, oldest first. */
export type Holders = ReadonlyMap<string, Held>

/** Jobs that write to one drive and volume together. */
export interface MultiplexGroup {
  readonly id: string
  readonly drive: string
  readonly volumeId: string
  readonly size: number
  /** How many its members let it have. */
  readonly most: number
}

/** A group while it is in its list: `size` orders it, so it is replaced, never changed. */
interface ListedGroup extends MultiplexGroup {
  readonly number: number
}

interface Group {
  readonly number: number
  readonly key: string
  readonly members: Map<string, Held>
  listed: ListedGroup | undefined
}

const none: Holders = new Map()

/** The oldest holders of each thing as blockers name them, until it is held by others. */
const named = new WeakMap<Holders, readonly Holder[]>()

/** A job that holds something, and since when. */
export interface Holder {
  readonly jobId: string
  readonly since: number
}

/** As many holders are named by a blocker. */
export const mostHolders = 100

/** The oldest holders of a thing; who asks for many that did not change gets the same list again. */
export function oldestHolders(held: Holders): readonly Holder[] {
  let holders = named.get(held)
  if (holders !== undefined) return holders
  holders = firstHolders(held, mostHolders)
  named.set(held, holders)
  return holders
}

/** So many of the oldest holders of a thing. */
export function firstHolders(held: Holders, most: number): readonly Holder[] {
  const holders: Holder[] = []
  for (const { allocation } of held.values()) {
    if (holders.length === most) break
    holders.push({ jobId: allocation.jobId, since: allocation.since })
  }
  return holders
}

/** The allocations in force by what they hold. Counting costs nothing; nothing is copied. */
export class HoldIndex {
  readonly #units: Map<string, Map<string, Held>> = new Map()
  readonly #writes: Map<string, Map<string, Held>> = new Map()
  readonly #servers: Map<string, Map<string, Held>> = new Map()
  readonly #sites: Map<string, Map<string, Held>> = new Map()
  readonly #drives: Map<string, Map<string, Held>> = new Map()
  readonly #volumes: Map<string, Map<string, Held>> = new Map()
  readonly #jobs: Map<string, Map<string, Held>> = new Map()
  readonly #drivesWriting: Map<string, number> = new Map()
  readonly #drivesHeld: Map<string, number> = new Map()
  readonly #groups: Map<string, Group> = new Map()
  readonly #open: Map<string, SortedList<ListedGroup>> = new Map()
  #groupsSoFar = 0

  onUnit = (unit: string): Holders => this.#units.get(unit) ?? none
  /** Those on a storage unit that write. */
  writingOn = (unit: string): Holders => this.#writes.get(unit) ?? none
  onServer = (mediaServer: string): Holders => this.#servers.get(mediaServer) ?? none
  /** Those that hold drives of a site. */
  onSite = (site: string): Holders => this.#sites.get(site) ?? none
  onDrive = (drive: string): Holders => this.#drives.get(drive) ?? none
  onVolume = (volumeId: string): Holders => this.#volumes.get(volumeId) ?? none
  ofJob = (jobId: string): Holders => this.#jobs.get(jobId) ?? none
  /** How many drives of a storage unit write: one for each group. */
  drivesWriting = (unit: string): number => this.#drivesWriting.get(unit) ?? 0
  /** How many drives of a site are held. */
  drivesHeld = (site: string): number => this.#drivesHeld.get(site) ?? 0

  /** Groups that none of their members closes to one more, those of fewest members first. */
  openGroups(unit: string, pool: string, retentionLevel: number): Iterable<MultiplexGroup> {
    return this.#open.get(keyOf(unit, pool, retentionLevel)) ?? []
  }

  /** A member of a group. */
  ofGroup(id: string): Held | undefined {
    const [first] = this.#groups.get(id)?.members.values() ?? []
    return first
  }

  add(id: string, held: Held, site: string | undefined): void {
    const { allocation } = held
    for (const [map, key] of this.#mapsOf(held, site)) {
      const holders = map.get(key)
      if (holders === undefined) map.set(key, new Map([[id, held]]))
      else {
        holders.set(id, held)
        named.delete(holders)
      }
    }
    if (allocation.medium.kind !== 'tape') return
    const { multiplex, drive } = allocation.medium
    if (this.onDrive(drive).size === 1) {
      if (site !== undefined) count(this.#drivesHeld, site, 1)
      if (allocation.purpose === 'write') count(this.#drivesWriting, allocation.storageUnit, 1)
    }
    if (multiplex !== undefined) this.#join(multiplex.group, id, held)
  }

  delete(id: string, held: Held, site: string | undefined): void {
    const { allocation } = held
    for (const [map, key] of this.#mapsOf(held, site)) {
      const holders = map.get(key)
      if (holders?.delete(id) !== true) continue
      named.delete(holders)
      if (holders.size === 0) map.delete(key)
    }
    if (allocation.medium.kind !== 'tape') return
    const { multiplex, drive } = allocation.medium
    if (this.onDrive(drive).size === 0) {
      if (site !== undefined) count(this.#drivesHeld, site, -1)
      if (allocation.purpose === 'write') count(this.#drivesWriting, allocation.storageUnit, -1)
    }
    if (multiplex !== undefined) this.#leave(multiplex.group, id)
  }

  #mapsOf(held: Held, site: string | undefined): (readonly [Map<string, Map<string, Held>>, string])[] {
    const { storageUnit, mediaServer, purpose, medium, jobId } = held.allocation
    const maps: (readonly [Map<string, Map<string, Held>>, string])[] = [
      [this.#units, storageUnit],
      [this.#servers, mediaServer],
      [this.#jobs, jobId],
    ]
    if (purpose === 'write') maps.push([this.#writes, storageUnit])
    if (medium.kind === 'tape') maps.push([this.#drives, medium.drive], [this.#volumes, medium.volumeId])
    if (site !== undefined) maps.push([this.#sites, site])
    return maps
  }

  #join(id: string, member: string, held: Held): void {
    const { medium, storageUnit } = held.allocation
    if (medium.kind !== 'tape' || held.need.kind !== 'write') return
    let group = this.#groups.get(id)
    if (group === undefined) {
      this.#groupsSoFar += 1
      const key = keyOf(storageUnit, medium.volumePool, held.need.retentionLevel)
      group = { number: this.#groupsSoFar, key, members: new Map(), listed: undefined }
      this.#groups.set(id, group)
    }
    group.members.set(member, held)
    this.#list(id, group)
  }

  #leave(id: string, member: string): void {
    const group = this.#groups.get(id)
    if (group === undefined) return
    group.members.delete(member)
    this.#list(id, group)
    if (group.members.size === 0) this.#groups.delete(id)
  }

  /** Lists a group anew under its present size, while it is open. */
  #list(id: string, group: Group): void {
    const open = this.#open.get(group.key) ?? new SortedList<ListedGroup>(bySize)
    if (group.listed !== undefined) open.delete(group.listed)
    group.listed = undefined
    const [first] = group.members.values()
    const size = group.members.size
    const most = leastMultiplexing(group.members.values())
    if (first?.allocation.medium.kind === 'tape' && size < most) {
      const { drive, volumeId } = first.allocation.medium
      group.listed = { id, drive, volumeId, size, most, number: group.number }
      open.add(group.listed)
    }
    if (open.size === 0) this.#open.delete(group.key)
    else this.#open.set(group.key, open)
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}

const bySize = (a: ListedGroup, b: ListedGroup): number => a.size - b.size || a.number - b.number

/** How many may share a drive by the wish of those that do. */
function leastMultiplexing(members: Iterable<Held>): number {
  let least = Infinity
  for (const { need } of members) least = Math.min(least, multiplexingOf(need))
  return least
}

/** How many may share a drive by the wish of one job. */
export const multiplexingOf = (need: Held['need']): number =>
  need.kind === 'write' ? (need.multiplexing ?? 1) : 1
