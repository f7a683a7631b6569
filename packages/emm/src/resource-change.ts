import type { Drive, ResourceChange, Robot, TapeStorageUnit, Volume } from '@nb/contracts'
import type { Change, InventoryView } from './inventory.ts'
import type { Held } from './held.ts'

/** Whom changes may help: computed after they were applied, `before` being what each replaced. */
export function resourceChange(
  view: InventoryView,
  changes: readonly Change[],
  before: readonly unknown[],
): ResourceChange | undefined {
  const told: Told = { view, unit: undefined, units: undefined, groups: undefined }
  let at = 0
  for (const change of changes) tell(told, change, before[at++])
  const { unit, units, groups } = told
  if (unit === undefined && groups === undefined) return undefined
  const storageUnits = units !== undefined ? [...units] : unit !== undefined ? [unit] : []
  return { storageUnits, groups: groups === undefined ? none : [...groups] }
}

const none: readonly string[] = []

/** Most changes help nobody, or those who wait for one storage unit: no sets for them. */
interface Told {
  readonly view: InventoryView
  /** The first. */
  unit: string | undefined
  /** All, when there are several. */
  units: Set<string> | undefined
  groups: Set<string> | undefined
}

function tellUnit(told: Told, name: string): void {
  told.unit ??= name
  if (told.units !== undefined) told.units.add(name)
  else if (told.unit !== name) told.units = new Set([told.unit, name])
}

function tell(told: Told, change: Change, before: unknown): void {
  switch (change.table) {
    case 'units':
      tellUnit(told, change.key)
      break
    case 'groups':
      ;(told.groups ??= new Set()).add(change.key)
      break
    case 'mediaServers':
      tellServer(told, change.key)
      break
    case 'robots':
      tellRobot(told, change.key)
      break
    case 'pools':
      tellTape(told)
      break
    case 'volumes':
      if (volumeMayHelp(told.view, before as Volume | undefined, change.value))
        for (const volume of [before as Volume | undefined, change.value])
          if (volume !== undefined) tellVolume(told, volume)
      break
    case 'drives':
      if (driveMayHelp(told.view, before as Drive | undefined, change.value))
        for (const drive of [before as Drive | undefined, change.value])
          if (drive !== undefined) tellUnits(told, told.view.unitsAt(drive.density))
      break
    case 'allocations':
      if (change.value === undefined) tellReleased(told, before as Held)
      else if (beginsGroup(change.value)) tellUnit(told, change.value.allocation.storageUnit)
      break
    case 'images':
    case 'errors':
    case 'selections':
      break
  }
}

function tellUnits(told: Told, helped: readonly TapeStorageUnit[]): void {
  for (const { name } of helped) tellUnit(told, name)
}

function tellTape(told: Told): void {
  for (const unit of told.view.units.values()) if (unit.type === 'tape') tellUnit(told, unit.name)
}

function tellServer(told: Told, mediaServer: string): void {
  for (const { name } of told.view.unitsOn(mediaServer)) tellUnit(told, name)
}

function tellRobot(told: Told, robot: Robot['name']): void {
  for (const unit of told.view.units.values())
    if (unit.type === 'tape' && unit.robot === robot) tellUnit(told, unit.name)
}

/** Those of its place, and those of the drive that it is in; all where its pool counts partly full volumes. */
function tellVolume(told: Told, volume: Volume): void {
  if (told.view.pools.get(volume.pool)?.maxPartiallyFull !== undefined) tellTape(told)
  tellUnits(told, told.view.unitsAt(volume.density, volume.robot ?? null))
  const drive = told.view.driveWith(volume.volumeId)
  if (drive !== undefined) tellUnits(told, told.view.unitsAt(drive.density, drive.robot ?? null))
}

/** A mount, a first image, or a new pool for a volume that a job holds helps nobody; anything else may. */
function volumeMayHelp(view: InventoryView, before: Volume | undefined, after: Volume | undefined): boolean {
  if (before === undefined || after === undefined) return true
  if (before.state === after.state && view.holds.onVolume(after.volumeId).size > 0) return false
  const fields = ['state', 'pool', 'density', 'robot', 'maxMounts', 'expiresAt'] as const
  return (
    fields.some((field) => before[field] !== after[field]) ||
    (before.assignedAt !== undefined && before.retentionLevel !== after.retentionLevel)
  )
}

/** A volume that comes into a drive helps only where its robot can't bring it elsewhere. */
function driveMayHelp(view: InventoryView, before: Drive | undefined, after: Drive | undefined): boolean {
  if (before === undefined || after === undefined) return true
  const fields = ['state', 'mediaServer', 'density', 'robot'] as const
  if (fields.some((field) => before[field] !== after[field])) return true
  if (before.loadedVolume === after.loadedVolume) return false
  return before.loadedVolume !== undefined || view.robots.get(after.robot ?? '')?.state === 'down'
}

/** A place in a group, or drive and volume, or a place on a disk; a place at its media server when it was full. */
function tellReleased(told: Told, { allocation }: Held): void {
  const { view } = told
  tellUnit(told, allocation.storageUnit)
  const limit = view.mediaServers.get(allocation.mediaServer)?.maxConcurrentJobs
  if (limit !== undefined && view.holds.onServer(allocation.mediaServer).size === limit - 1)
    tellServer(told, allocation.mediaServer)
  if (allocation.medium.kind !== 'tape') return
  const { drive: driveName, volumeId } = allocation.medium
  const drive = view.drives.get(driveName)
  if (drive !== undefined && view.holds.onDrive(driveName).size === 0)
    tellUnits(told, view.unitsAt(drive.density, drive.robot ?? null))
  // At the end of a volume the drive stays with the job, and the volume does not.
  const volume = view.volumes.get(volumeId)
  if (volume !== undefined && view.holds.onVolume(volumeId).size === 0) tellVolume(told, volume)
}

/** Jobs that wait may join a group that has just begun. */
function beginsGroup({ allocation: { allocationId, medium } }: Held): boolean {
  return medium.kind === 'tape' && medium.multiplex?.group === allocationId && medium.multiplex.most > 1
}
