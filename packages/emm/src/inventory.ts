import type {
  Drive,
  MediaError,
  MediaServerEntry,
  Robot,
  StorageUnit,
  StorageUnitGroup,
  TapeStorageUnit,
  Volume,
  VolumePool,
} from '@nb/contracts'
import { DriveIndex } from './drive-index.ts'
import type { Held } from './held.ts'
import { GroupIndex } from './group-index.ts'
import { HoldIndex } from './hold-index.ts'
import { type ImageOnVolume, ImageTable } from './image-table.ts'
import { placeOf, siteOf } from './site.ts'
import type { ToldSpace } from './told-space.ts'
import { VolumeIndex } from './volume-index.ts'

/** One table of the inventory: what it holds by name. */
export interface Tables {
  units: StorageUnit
  mediaServers: MediaServerEntry
  robots: Robot
  groups: StorageUnitGroup
  pools: VolumePool
  volumes: Volume
  drives: Drive
  /** By volume and image: `VOLUME/BACKUP`. */
  images: ImageOnVolume
  /** By a number that only grows, as text of 16 digits. */
  errors: MediaError
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
export type InventoryView = {
  readonly [Table in Exclude<keyof Tables, 'images'>]: ReadonlyMap<string, Tables[Table]>
} & {
  /** How busy media servers said they are; not kept over a restart. */
  readonly loads: ReadonlyMap<string, NonNullable<MediaServerEntry['load']>>
  /** The room of disk storage units, as it was told; not kept over a restart. */
  readonly spaces: ReadonlyMap<string, ToldSpace>
  /** Allocations by what they hold. */
  readonly holds: Omit<HoldIndex, 'add' | 'delete'>
  /** Volumes that may be written to, in order of choice. */
  readonly writable: Omit<VolumeIndex, 'refresh'>
  readonly images: Omit<ImageTable, 'set' | 'delete'>
  /** The storage units of a group that is configured, in the order of its list. */
  membersOf(group: StorageUnitGroup): readonly StorageUnit[]
  /** The same, the one selected longest ago first; those never selected keep the order of the list. */
  rotationOf(group: StorageUnitGroup): readonly StorageUnit[]
  /** The storage units by name. */
  unitsByName(): readonly StorageUnit[]
  /** The tape storage units of a density, and of a robot or `null` for none. */
  unitsAt(density: string, robot?: string | null): readonly TapeStorageUnit[]
  /** The storage units of a media server. */
  unitsOn(mediaServer: string): readonly StorageUnit[]
  /** The names of the drives that serve a tape storage unit, in no order. */
  drivesOf(unit: TapeStorageUnit): ReadonlySet<string>
  /** The free drive to use next: an empty one before a loaded one, then the least recently selected. */
  nextFreeDrive(unit: TapeStorageUnit): Drive | undefined
  /** Whether a drive could be given to a job now. */
  isFree(drive: Drive): boolean
  /** The drive that a volume is in. */
  driveWith(volumeId: string): Drive | undefined
  /** The volume with a barcode. */
  withBarcode(barcode: string): string | undefined
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
  readonly mediaServers: Map<string, MediaServerEntry> = new Map()
  readonly robots: Map<string, Robot> = new Map()
  readonly groups: Map<string, StorageUnitGroup> = new Map()
  readonly pools: Map<string, VolumePool> = new Map()
  readonly volumes: Map<string, Volume> = new Map()
  readonly drives: Map<string, Drive> = new Map()
  readonly images: ImageTable = new ImageTable()
  readonly errors: Map<string, MediaError> = new Map()
  readonly allocations: Map<string, Held> = new Map()
  readonly selections: Map<string, number> = new Map()
  readonly loads: Map<string, NonNullable<MediaServerEntry['load']>> = new Map()

  readonly spaces: Map<string, ToldSpace> = new Map()
  /** Why a disk storage unit could not be reached when its media server last looked. */
  readonly missing: Map<string, string> = new Map()

  readonly holds: HoldIndex = new HoldIndex()
  readonly writable: VolumeIndex = new VolumeIndex()
  readonly #driveIndex: DriveIndex = new DriveIndex()
  readonly #groupIndex: GroupIndex = new GroupIndex()
  readonly #loadedIn: Map<string, string> = new Map()
  readonly #barcodes: Map<string, string> = new Map()
  #unitsByName: readonly StorageUnit[] | undefined
  #unitsByPlace: ReadonlyMap<string, readonly TapeStorageUnit[]> | undefined
  #unitsByServer: ReadonlyMap<string, readonly StorageUnit[]> | undefined
  #latestSelection = 0

  /** Makes one change, in the table and in every index over it. */
  apply(change: Change): void {
    const table = this[change.table] as Map<string, unknown>
    const before = table.get(change.key)
    if (change.value === undefined) table.delete(change.key)
    else table.set(change.key, change.value)
    switch (change.table) {
      case 'units':
        this.#unitsByName = undefined
        this.#unitsByPlace = undefined
        this.#unitsByServer = undefined
        this.#groupIndex.clear()
        if (change.value === undefined) {
          this.spaces.delete(change.key)
          this.missing.delete(change.key)
        }
        break
      case 'groups':
        this.#groupIndex.clear()
        break
      case 'volumes':
        this.#indexVolume(change.key, before as Volume | undefined, change.value)
        break
      case 'drives':
        this.#indexDrive(change.key, before as Drive | undefined, change.value)
        break
      case 'allocations':
        this.#indexHeld(change.key, before as Held | undefined, change.value)
        break
      case 'selections':
        this.#indexSelection(change.key, change.value ?? 0)
        break
      default:
        break
    }
  }

  membersOf(group: StorageUnitGroup): readonly StorageUnit[] {
    return this.#groupIndex.membersOf(group, this.units)
  }

  rotationOf(group: StorageUnitGroup): readonly StorageUnit[] {
    return this.#groupIndex.rotationOf(group, this.units, ({ name }) => this.lastSelected(`unit:${name}`))
  }

  unitsByName(): readonly StorageUnit[] {
    this.#unitsByName ??= [...this.units.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return this.#unitsByName
  }

  unitsAt(density: string, robot?: string | null): readonly TapeStorageUnit[] {
    this.#unitsByPlace ??= unitsByPlace(this.units.values())
    const key = robot === undefined ? density : placeOf({ density, ...(robot === null ? {} : { robot }) })
    return this.#unitsByPlace.get(key) ?? []
  }

  unitsOn(mediaServer: string): readonly StorageUnit[] {
    this.#unitsByServer ??= grouped(this.units.values(), (unit) => [unit.mediaServer])
    return this.#unitsByServer.get(mediaServer) ?? []
  }

  drivesOf(unit: TapeStorageUnit): ReadonlySet<string> {
    return this.#driveIndex.namesOf(siteOf(unit))
  }

  nextFreeDrive(unit: TapeStorageUnit): Drive | undefined {
    const name = this.#driveIndex.nextFree(siteOf(unit))
    return name === undefined ? undefined : this.drives.get(name)
  }

  isFree(drive: Drive): boolean {
    return drive.state === 'up' && this.holds.onDrive(drive.name).size === 0
  }

  driveWith(volumeId: string): Drive | undefined {
    const name = this.#loadedIn.get(volumeId)
    return name === undefined ? undefined : this.drives.get(name)
  }

  withBarcode(barcode: string): string | undefined {
    return this.#barcodes.get(barcode)
  }

  lastSelected(key: SelectionKey): number {
    return this.selections.get(key) ?? 0
  }

  nextSelection(): number {
    return this.#latestSelection + 1
  }

  #indexVolume(volumeId: string, before: Volume | undefined, after: Volume | undefined): void {
    if (before?.barcode !== undefined) this.#barcodes.delete(before.barcode)
    if (after?.barcode !== undefined) this.#barcodes.set(after.barcode, volumeId)
    this.#refreshVolume(volumeId)
  }

  #indexDrive(name: string, before: Drive | undefined, after: Drive | undefined): void {
    if (before?.loadedVolume !== undefined) this.#loadedIn.delete(before.loadedVolume)
    if (after?.loadedVolume !== undefined) this.#loadedIn.set(after.loadedVolume, name)
    this.#refreshDrive(name)
    if (before?.loadedVolume !== undefined) this.#refreshVolume(before.loadedVolume)
    if (after?.loadedVolume !== undefined) this.#refreshVolume(after.loadedVolume)
  }

  #indexSelection(key: string, selection: number): void {
    if (key.startsWith('drive:')) this.#refreshDrive(key.slice('drive:'.length))
    else if (selection > this.#latestSelection) this.#groupIndex.selected(key.slice('unit:'.length))
    else this.#groupIndex.clear()
    this.#latestSelection = Math.max(this.#latestSelection, selection)
  }

  #indexHeld(id: string, before: Held | undefined, after: Held | undefined): void {
    if (before !== undefined) this.holds.delete(id, before, this.#siteOf(before))
    if (after !== undefined) this.holds.add(id, after, this.#siteOf(after))
    if (before !== undefined) this.#refreshHeld(before)
    if (after !== undefined) this.#refreshHeld(after)
  }

  #refreshHeld({ allocation: { medium } }: Held): void {
    if (medium.kind !== 'tape') return
    const { drive, volumeId } = medium
    this.#refreshDrive(drive)
    this.#refreshVolume(volumeId)
    const loaded = this.drives.get(drive)?.loadedVolume
    if (loaded !== undefined && loaded !== volumeId) this.#refreshVolume(loaded)
  }

  /** A held drive does not change its site, so this is the same when the allocation comes and goes. */
  #siteOf({ allocation: { medium } }: Held): string | undefined {
    const drive = medium.kind === 'tape' ? this.drives.get(medium.drive) : undefined
    return drive === undefined ? undefined : siteOf(drive)
  }

  #refreshDrive(name: string): void {
    const drive = this.drives.get(name)
    const held = this.holds.onDrive(name).size > 0
    const lastSelected = this.lastSelected(`drive:${name}`)
    this.#driveIndex.refresh(name, drive === undefined ? undefined : { drive, held, lastSelected })
  }

  #refreshVolume(volumeId: string): void {
    const volume = this.volumes.get(volumeId)
    const drive = this.driveWith(volumeId)
    const holders = this.holds.onVolume(volumeId)
    const [first] = holders.values()
    const facts = {
      ...(drive === undefined ? {} : { drive }),
      driveFree: drive !== undefined && this.isFree(drive),
      held: holders.size > 0,
      heldToWrite: first?.allocation.purpose === 'write',
    }
    this.writable.refresh(volumeId, volume === undefined ? undefined : { volume, ...facts })
  }
}

/** Tape units under their density, and under density and robot. */
function unitsByPlace(units: Iterable<StorageUnit>): ReadonlyMap<string, readonly TapeStorageUnit[]> {
  const tape = [...units].filter((unit) => unit.type === 'tape')
  return grouped(tape, (unit) => [unit.density, placeOf(unit)])
}

function grouped<Entry>(
  entries: Iterable<Entry>,
  keys: (entry: Entry) => readonly string[],
): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const entry of entries)
    for (const key of keys(entry)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [entry])
      else group.push(entry)
    }
  return groups
}
