import type {
  Allocation,
  Drive,
  MediaNeed,
  StorageUnit,
  StorageUnitGroup,
  TapeStorageUnit,
  Volume,
  VolumePool,
} from '@nb/contracts'

/** An allocation in force, with the request it answers. */
export interface Held {
  readonly allocation: Allocation
  readonly need: MediaNeed
  readonly flow?: 'backup' | 'restore'
}

/** One table of the inventory: what it holds by name. */
export interface Tables {
  units: StorageUnit
  groups: StorageUnitGroup
  pools: VolumePool
  volumes: Volume
  drives: Drive
  allocations: Held
  /** When units and drives were last chosen, as a number that only grows: key `unit:NAME`, `drive:NAME`. */
  selections: number
}

/** A change of one entry; `undefined` removes it. */
export type Change = {
  [Table in keyof Tables]: {
    readonly table: Table
    readonly key: string
    readonly value: Tables[Table] | undefined
  }
}[keyof Tables]

/** What decisions read: everything configured and everything held, with the paths they need through it. */
export interface InventoryView {
  readonly units: ReadonlyMap<string, StorageUnit>
  readonly groups: ReadonlyMap<string, StorageUnitGroup>
  readonly pools: ReadonlyMap<string, VolumePool>
  readonly volumes: ReadonlyMap<string, Volume>
  readonly drives: ReadonlyMap<string, Drive>
  readonly allocations: ReadonlyMap<string, Held>
  /** The allocations on a storage unit, oldest first. */
  heldOn(unit: string): readonly Held[]
  /** The allocation that has a drive. */
  heldDrive(name: string): Held | undefined
  /** The allocation that has a volume. */
  heldVolume(volumeId: string): Held | undefined
  /** The volumes of a pool, in no order. */
  volumesOfPool(pool: string): Iterable<Volume>
  /** The drives that serve a tape storage unit, by name. */
  drivesOf(unit: TapeStorageUnit): readonly Drive[]
  /** The drive that a volume is in. */
  driveWith(volumeId: string): Drive | undefined
  /** Larger is later; 0 is never. */
  lastSelected(key: SelectionKey): number
  /** Larger than every selection so far. */
  nextSelection(): number
}

/** What is selected: a storage unit or a drive. */
export type SelectionKey = `unit:${string}` | `drive:${string}`

/** The state of the media manager in memory; its store holds the same. */
export class Inventory implements InventoryView {
  readonly units: Map<string, StorageUnit> = new Map()
  readonly groups: Map<string, StorageUnitGroup> = new Map()
  readonly pools: Map<string, VolumePool> = new Map()
  readonly volumes: Map<string, Volume> = new Map()
  readonly drives: Map<string, Drive> = new Map()
  readonly allocations: Map<string, Held> = new Map()
  readonly selections: Map<string, number> = new Map()

  readonly #unitHolds: Index<Held> = new Index()
  readonly #driveHolds: Map<string, Held> = new Map()
  readonly #volumeHolds: Map<string, Held> = new Map()
  readonly #poolVolumes: Index<Volume> = new Index()
  readonly #siteDrives: Index<Drive> = new Index()
  readonly #loadedIn: Map<string, string> = new Map()
  #latestSelection = 0

  /** Makes one change, in the table and in every index over it. */
  apply(change: Change): void {
    switch (change.table) {
      case 'volumes':
        this.#reindex(this.#poolVolumes, this.volumes, change, (volume) => volume.pool)
        break
      case 'drives':
        this.#reindexDrive(change.key, change.value)
        break
      case 'allocations':
        this.#reindexHeld(change.key, change.value)
        break
      case 'selections':
        this.#latestSelection = Math.max(this.#latestSelection, change.value ?? 0)
        break
      default:
        break
    }
    const table = this[change.table] as Map<string, unknown>
    if (change.value === undefined) table.delete(change.key)
    else table.set(change.key, change.value)
  }

  heldOn(unit: string): readonly Held[] {
    return [...this.#unitHolds.get(unit)]
  }

  heldDrive(name: string): Held | undefined {
    return this.#driveHolds.get(name)
  }

  heldVolume(volumeId: string): Held | undefined {
    return this.#volumeHolds.get(volumeId)
  }

  volumesOfPool(pool: string): Iterable<Volume> {
    return this.#poolVolumes.get(pool)
  }

  drivesOf(unit: TapeStorageUnit): readonly Drive[] {
    return [...this.#siteDrives.get(siteOf(unit))].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  driveWith(volumeId: string): Drive | undefined {
    const name = this.#loadedIn.get(volumeId)
    return name === undefined ? undefined : this.drives.get(name)
  }

  lastSelected(key: SelectionKey): number {
    return this.selections.get(key) ?? 0
  }

  nextSelection(): number {
    return this.#latestSelection + 1
  }

  #reindex<Entry>(
    index: Index<Entry>,
    table: ReadonlyMap<string, Entry>,
    change: { readonly key: string; readonly value: Entry | undefined },
    group: (entry: Entry) => string,
  ): void {
    const before = table.get(change.key)
    if (before !== undefined) index.delete(group(before), change.key)
    if (change.value !== undefined) index.set(group(change.value), change.key, change.value)
  }

  #reindexDrive(key: string, value: Drive | undefined): void {
    const before = this.drives.get(key)
    if (before?.loadedVolume !== undefined) this.#loadedIn.delete(before.loadedVolume)
    if (value?.loadedVolume !== undefined) this.#loadedIn.set(value.loadedVolume, key)
    this.#reindex(this.#siteDrives, this.drives, { key, value }, siteOf)
  }

  #reindexHeld(key: string, value: Held | undefined): void {
    const before = this.allocations.get(key)
    this.#reindex(this.#unitHolds, this.allocations, { key, value }, (held) => held.allocation.storageUnit)
    if (before?.allocation.medium.kind === 'tape') {
      this.#driveHolds.delete(before.allocation.medium.drive)
      this.#volumeHolds.delete(before.allocation.medium.volumeId)
    }
    if (value?.allocation.medium.kind === 'tape') {
      this.#driveHolds.set(value.allocation.medium.drive, value)
      this.#volumeHolds.set(value.allocation.medium.volumeId, value)
    }
  }
}

/** Drives and tape storage units of one site belong together: same host, same density, same robot or none. */
function siteOf(of: Pick<Drive, 'mediaServer' | 'density' | 'robot'>): string {
  return JSON.stringify([of.mediaServer, of.density, of.robot ?? null])
}

/** Entries by group, each group in the order of insertion. */
class Index<Entry> {
  readonly #groups: Map<string, Map<string, Entry>> = new Map()

  get(group: string): Iterable<Entry> {
    return this.#groups.get(group)?.values() ?? []
  }

  set(group: string, key: string, entry: Entry): void {
    const entries = this.#groups.get(group)
    if (entries === undefined) this.#groups.set(group, new Map([[key, entry]]))
    else entries.set(key, entry)
  }

  delete(group: string, key: string): void {
    const entries = this.#groups.get(group)
    if (entries?.delete(key) === true && entries.size === 0) this.#groups.delete(group)
  }
}
