import type { Volume } from '@nb/contracts'
import { keyOf, placeOf, siteOf } from './site.ts'
import { SortedList } from './sorted-list.ts'
import type { Drive } from '@nb/contracts'

/** What a volume's place among those to write to follows from. */
export interface VolumeFacts {
  readonly volume: Volume
  /** The drive it is in. */
  readonly drive?: Drive
  /** Whether that drive could be given to a job. */
  readonly driveFree: boolean
  readonly held: boolean
  readonly heldToWrite: boolean
}

/** Volumes of one retention level, or the new ones, that may be written to as far as they themselves go. */
export interface Shelf {
  /** Those to be had, the one whose last mount is longest ago first. */
  readonly free: SortedList<Volume>
  /** Those in a drive that can't be given to a job now. */
  readonly stuck: Map<string, Volume>
  /** Those a job holds. */
  readonly held: Map<string, Volume>
}

/** The retention level of what is on a volume; nothing is on a new one. */
export type ShelfKey = number | 'new'

type Shelves = ReadonlyMap<ShelfKey, Shelf>

interface Standing {
  readonly remove: () => void
}

const noShelves: Shelves = new Map()
const noIds: ReadonlySet<string> = new Set()

const byId = (a: Volume, b: Volume): number =>
  a.volumeId < b.volumeId ? -1 : a.volumeId > b.volumeId ? 1 : 0
const byMount = (a: Volume, b: Volume): number =>
  (a.lastMountedAt ?? 0) - (b.lastMountedAt ?? 0) || byId(a, b)
const byExpiry = (a: Volume, b: Volume): number => (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || byId(a, b)

/** The volumes that may be written to: by pool, by where they are, by what is on them; those of each in order of choice. */
export class VolumeIndex {
  readonly #mounted: Map<string, Map<ShelfKey, Shelf>> = new Map()
  readonly #stored: Map<string, Map<ShelfKey, Shelf>> = new Map()
  readonly #partlyFull: Map<string, Set<string>> = new Map()
  readonly #ending: SortedList<Volume> = new SortedList(byExpiry)
  readonly #standings: Map<string, Standing> = new Map()

  /** The volumes of a pool in drives of a site. */
  mounted(site: string, pool: string): Shelves {
    return this.#mounted.get(keyOf(site, pool)) ?? noShelves
  }

  /** The volumes of a pool in a robot, or in none, that are in no drive. */
  stored(place: string, pool: string): Shelves {
    return this.#stored.get(keyOf(place, pool)) ?? noShelves
  }

  /** The volumes of a pool that have images and room for more, or are about to. */
  partlyFull(pool: string): ReadonlySet<string> {
    return this.#partlyFull.get(pool) ?? noIds
  }

  /** Whether any active volume is too old by a time. */
  isAnyTooOld(at: number): boolean {
    return (this.#ending.first()?.expiresAt ?? Infinity) <= at
  }

  /** Active volumes that are too old by a time, the oldest first. */
  *tooOld(at: number): Generator<Volume, undefined> {
    for (const volume of this.#ending) {
      if ((volume.expiresAt ?? Infinity) > at) return undefined
      yield volume
    }
    return undefined
  }

  /** Notes the present facts of a volume, or that there is none of that id. */
  refresh(volumeId: string, facts: VolumeFacts | undefined): void {
    this.#standings.get(volumeId)?.remove()
    this.#standings.delete(volumeId)
    if (facts === undefined || facts.volume.state !== 'active') return
    const removals = [this.#shelve(facts), this.#count(facts), this.#age(facts)]
    this.#standings.set(volumeId, { remove: () => removals.forEach((remove) => remove()) })
  }

  #shelve({ volume, drive, driveFree, held }: VolumeFacts): () => void {
    if (isWornOut(volume)) return nothing
    const [map, key] =
      drive === undefined
        ? [this.#stored, keyOf(placeOf(volume), volume.pool)]
        : [this.#mounted, keyOf(siteOf(drive), volume.pool)]
    const shelves = map.get(key) ?? new Map<ShelfKey, Shelf>()
    map.set(key, shelves)
    const shelfKey = volume.assignedAt === undefined ? 'new' : (volume.retentionLevel ?? 0)
    const shelf = shelves.get(shelfKey) ?? {
      free: new SortedList(byMount),
      stuck: new Map<string, Volume>(),
      held: new Map<string, Volume>(),
    }
    shelves.set(shelfKey, shelf)
    if (held) shelf.held.set(volume.volumeId, volume)
    else if (drive !== undefined && !driveFree) shelf.stuck.set(volume.volumeId, volume)
    else shelf.free.add(volume)
    return () => {
      shelf.held.delete(volume.volumeId)
      shelf.stuck.delete(volume.volumeId)
      shelf.free.delete(volume)
      if (shelf.held.size + shelf.stuck.size + shelf.free.size > 0) return
      shelves.delete(shelfKey)
      if (shelves.size === 0) map.delete(key)
    }
  }

  #count({ volume: { volumeId, pool, assignedAt }, heldToWrite }: VolumeFacts): () => void {
    if (assignedAt === undefined && !heldToWrite) return nothing
    const ids = this.#partlyFull.get(pool) ?? new Set<string>()
    this.#partlyFull.set(pool, ids.add(volumeId))
    return () => {
      ids.delete(volumeId)
      if (ids.size === 0) this.#partlyFull.delete(pool)
    }
  }

  #age({ volume }: VolumeFacts): () => void {
    if (volume.expiresAt === undefined) return nothing
    this.#ending.add(volume)
    return () => this.#ending.delete(volume)
  }
}

/** Whether a volume was mounted as often as it may be. */
export const isWornOut = ({ mounts, maxMounts }: Volume): boolean =>
  maxMounts !== undefined && mounts >= maxMounts

const nothing = (): void => undefined
