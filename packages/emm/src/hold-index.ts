import type { Blocker } from '@nb/contracts'
import type { Held } from './held.ts'
import { keyOf } from './site.ts'
import { SortedList } from './sorted-list.ts'

/** Allocations that hold one thing, oldest first. */
export interface Holders {
  readonly size: number
  values(): IterableIterator<Held>
}

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
  /** The group whose members come here from the volume that has ended. */
  readonly succeeds: string | undefined
  listed: ListedGroup | undefined
}

/** A job that holds something, and since when. */
export interface Holder {
  readonly jobId: string
  readonly since: number
}

/** As many holders are named by a blocker. */
export const mostHolders = 100

/** The oldest holders of a thing; who asks for many that did not change gets the same list again. */
export function oldestHolders(held: Holders): readonly Holder[] {
  return held instanceof HoldersOfOne ? held.oldest() : firstHolders(held, mostHolders)
}

/** What was told last of the holders of a thing as a whole, if they are the same still. */
export function toldOf(held: Holders): Blocker | undefined {
  return held instanceof HoldersOfOne ? held.told : undefined
}

/** Keeps what is told of the holders of a thing as a whole. */
export function tell(held: Holders, blocker: Blocker): Blocker {
  if (held instanceof HoldersOfOne) held.told = blocker
  return blocker
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

/**
 * The holders of one thing, with what blockers say of them: made once for each, not once for each who is denied. In
 * arrays: they are few enough to be searched for one that goes, and nobody asks for them by id.
 */
class HoldersOfOne implements Holders {
  readonly #helds: Held[] = []
  readonly #holders: Holder[] = []
  /** The oldest of them, until it is held by others. */
  #oldest: readonly Holder[] | undefined
  /** What a blocker said of them last, likewise. */
  told: Blocker | undefined

  get size(): number {
    return this.#helds.length
  }

  values(): IterableIterator<Held> {
    return this.#helds.values()
  }

  /** The oldest of them, at most as many as a blocker names. */
  oldest(): readonly Holder[] {
    this.#oldest ??= this.#holders.slice(0, mostHolders)
    return this.#oldest
  }

  /** One more, who does not hold it yet. */
  join(held: Held, holder: Holder): void {
    this.#helds.push(held)
    this.#holders.push(holder)
    this.#oldest = undefined
    this.told = undefined
  }

  /** One less. */
  leave(held: Held): void {
    const at = this.#helds.indexOf(held)
    if (at < 0) return
    this.#helds.splice(at, 1)
    this.#holders.splice(at, 1)
    this.#oldest = undefined
    this.told = undefined
  }
}

type HoldersByName = Map<string, HoldersOfOne>

const none: Holders = new HoldersOfOne()

/** The allocations in force by what they hold. Counting costs nothing; nothing is copied. */
export class HoldIndex {
  readonly #units: HoldersByName = new Map()
  /** Of tape storage units only: on a disk, jobs that read count like those that write. */
  readonly #writes: HoldersByName = new Map()
  readonly #servers: HoldersByName = new Map()
  readonly #sites: HoldersByName = new Map()
  readonly #drives: HoldersByName = new Map()
  readonly #volumes: HoldersByName = new Map()
  readonly #drivesWriting: Map<string, number> = new Map()
  readonly #drivesHeld: Map<string, number> = new Map()
  /** What the jobs that write to disks are expected to write, by storage unit. */
  readonly #committed: Map<string, number> = new Map()
  readonly #groups: Map<string, Group> = new Map()
  readonly #open: Map<string, SortedList<ListedGroup>> = new Map()
  /** By the group that each goes on for. */
  readonly #successors: Map<string, string> = new Map()
  #groupsSoFar = 0

  onUnit = (unit: string): Holders => this.#units.get(unit) ?? none
  /** Those on a tape storage unit that write. */
  writingOn = (unit: string): Holders => this.#writes.get(unit) ?? none
  onServer = (mediaServer: string): Holders => this.#servers.get(mediaServer) ?? none
  /** Those that hold drives of a site. */
  onSite = (site: string): Holders => this.#sites.get(site) ?? none
  onDrive = (drive: string): Holders => this.#drives.get(drive) ?? none
  onVolume = (volumeId: string): Holders => this.#volumes.get(volumeId) ?? none
  /** How many drives of a storage unit write: one for each group. */
  drivesWriting = (unit: string): number => this.#drivesWriting.get(unit) ?? 0
  /** How many drives of a site are held. */
  drivesHeld = (site: string): number => this.#drivesHeld.get(site) ?? 0

  /** What the jobs that write to a disk storage unit are expected to write, bytes. */
  committedOn = (unit: string): number => this.#committed.get(unit) ?? 0

  /** Groups that none of their members closes to one more, those of fewest members first. */
  openGroups(unit: string, pool: string, retentionLevel: number): Iterable<MultiplexGroup> {
    return this.#open.get(keyOf(unit, pool, retentionLevel)) ?? []
  }

  /** A member of a group. */
  ofGroup(id: string): Held | undefined {
    const [first] = this.#groups.get(id)?.members.values() ?? []
    return first
  }

  /** The group that has begun where another one's volume had ended. */
  succeeding(group: string): Omit<MultiplexGroup, 'size' | 'most'> | undefined {
    const id = this.#successors.get(group)
    const medium = id === undefined ? undefined : this.ofGroup(id)?.allocation.medium
    if (id === undefined || medium?.kind !== 'tape') return undefined
    return { id, drive: medium.drive, volumeId: medium.volumeId }
  }

  add(id: string, held: Held, site: string | undefined): void {
    const { storageUnit, mediaServer, purpose, medium, jobId, since } = held.allocation
    const holder = { jobId, since }
    join(this.#units, storageUnit, held, holder)
    join(this.#servers, mediaServer, held, holder)
    if (site !== undefined) join(this.#sites, site, held, holder)
    if (medium.kind !== 'tape') {
      count(this.#committed, storageUnit, expectedBytesOf(held))
      return
    }
    const { multiplex, drive, volumeId } = medium
    if (purpose === 'write') join(this.#writes, storageUnit, held, holder)
    join(this.#drives, drive, held, holder)
    join(this.#volumes, volumeId, held, holder)
    if (this.onDrive(drive).size === 1) {
      if (site !== undefined) count(this.#drivesHeld, site, 1)
      if (purpose === 'write') count(this.#drivesWriting, storageUnit, 1)
    }
    if (multiplex !== undefined) this.#join(multiplex.group, id, held, multiplex.succeeds)
  }

  delete(id: string, held: Held, site: string | undefined): void {
    const { storageUnit, mediaServer, purpose, medium } = held.allocation
    leave(this.#units, storageUnit, held)
    leave(this.#servers, mediaServer, held)
    if (site !== undefined) leave(this.#sites, site, held)
    if (medium.kind !== 'tape') {
      count(this.#committed, storageUnit, -expectedBytesOf(held))
      return
    }
    const { multiplex, drive, volumeId } = medium
    if (purpose === 'write') leave(this.#writes, storageUnit, held)
    leave(this.#drives, drive, held)
    leave(this.#volumes, volumeId, held)
    if (this.onDrive(drive).size === 0) {
      if (site !== undefined) count(this.#drivesHeld, site, -1)
      if (purpose === 'write') count(this.#drivesWriting, storageUnit, -1)
    }
    if (multiplex !== undefined) this.#leave(multiplex.group, id)
  }

  #join(id: string, member: string, held: Held, succeeds: string | undefined): void {
    const { medium, storageUnit } = held.allocation
    if (medium.kind !== 'tape' || held.need.kind !== 'write') return
    let group = this.#groups.get(id)
    if (group === undefined) {
      this.#groupsSoFar += 1
      const key = keyOf(storageUnit, medium.volumePool, held.need.retentionLevel)
      group = { number: this.#groupsSoFar, key, members: new Map(), succeeds, listed: undefined }
      this.#groups.set(id, group)
      if (succeeds !== undefined) this.#successors.set(succeeds, id)
    }
    group.members.set(member, held)
    this.#list(id, group)
  }

  #leave(id: string, member: string): void {
    const group = this.#groups.get(id)
    if (group === undefined) return
    group.members.delete(member)
    this.#list(id, group)
    if (group.members.size > 0) return
    this.#groups.delete(id)
    if (group.succeeds !== undefined) this.#successors.delete(group.succeeds)
    const next = this.#successors.get(id)
    const succeeding = next === undefined ? undefined : this.#groups.get(next)
    if (next !== undefined && succeeding !== undefined) this.#list(next, succeeding)
  }

  /** Lists a group anew under its present size, while it is open: not before all have come of the group that it succeeds. */
  #list(id: string, group: Group): void {
    const open = this.#open.get(group.key) ?? new SortedList<ListedGroup>(bySize)
    if (group.listed !== undefined) open.delete(group.listed)
    group.listed = undefined
    const [first] = group.members.values()
    const size = group.members.size
    const most = leastMultiplexing(group.members.values())
    const isComing = group.succeeds !== undefined && this.#groups.has(group.succeeds)
    if (first?.allocation.medium.kind === 'tape' && size < most && !isComing) {
      const { drive, volumeId } = first.allocation.medium
      group.listed = { id, drive, volumeId, size, most, number: group.number }
      open.add(group.listed)
    }
    if (open.size === 0) this.#open.delete(group.key)
    else this.#open.set(group.key, open)
  }
}

function join(by: HoldersByName, name: string, held: Held, holder: Holder): void {
  let holders = by.get(name)
  if (holders === undefined) by.set(name, (holders = new HoldersOfOne()))
  holders.join(held, holder)
}

function leave(by: HoldersByName, name: string, held: Held): void {
  const holders = by.get(name)
  if (holders === undefined) return
  holders.leave(held)
  if (holders.size === 0) by.delete(name)
}

function count(counts: Map<string, number>, key: string, by: number): void {
  if (by === 0) return
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}

const bySize = (a: ListedGroup, b: ListedGroup): number => a.size - b.size || a.number - b.number

const expectedBytesOf = ({ need }: Held): number => (need.kind === 'write' ? (need.expectedBytes ?? 0) : 0)

/** How many may share a drive by the wish of those that do. */
function leastMultiplexing(members: Iterable<Held>): number {
  let least = Infinity
  for (const { need } of members) least = Math.min(least, multiplexingOf(need))
  return least
}

/** How many may share a drive by the wish of one job. */
export const multiplexingOf = (need: Held['need']): number =>
  need.kind === 'write' ? (need.multiplexing ?? 1) : 1
