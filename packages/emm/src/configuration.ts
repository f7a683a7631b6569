import {
  type Drive,
  NbError,
  type StorageUnit,
  type StorageUnitGroup,
  type Volume,
  type VolumePool,
} from '@nb/contracts'
import { invalid } from './argument-checks.ts'
import type { Change, Held, InventoryView } from './inventory.ts'
import { validDrive, validGroup, validPool, validStorageUnit, validVolume } from './valid-configuration.ts'

/** The changes that add or replace a storage unit. What its allocations rest on can't change under them. */
export function putUnit(view: InventoryView, input: StorageUnit): Change[] {
  const value = validStorageUnit(input)
  const before = view.units.get(value.name)
  const held = view.heldOn(value.name)
  if (before !== undefined && held.length > 0)
    refuseMove(`storage unit ${value.name}`, before, value, ['type', 'mediaServer', 'density', 'robot'], held)
  return [{ table: 'units', key: value.name, value }]
}

/** The changes that remove a storage unit that nothing holds and no group names. */
export function removeUnit(view: InventoryView, name: string): Change[] {
  requireUnit(view, name)
  const held = view.heldOn(name)
  if (held.length > 0) throw inUse(`storage unit ${name}`, 'cannot be removed', held)
  const groups = [...view.groups.values()].filter(({ members }) => members.includes(name))
  if (groups.length > 0) {
    const names = groups.map((group) => group.name)
    throw new NbError(
      'state-conflict',
      `storage unit ${name} is a member of ${names.join(', ')}; take it out of the group first`,
      { details: { storageUnit: name, groups: names } },
    )
  }
  return [{ table: 'units', key: name, value: undefined }]
}

/** The changes that bring a storage unit up or down. */
export function setUnitState(
  view: InventoryView,
  input: { readonly name: string; readonly state: 'up' | 'down'; readonly reason?: string },
): Change[] {
  const { stateReason: _before, ...unit } = requireUnit(view, input.name)
  const reason = input.reason === undefined ? {} : { stateReason: input.reason }
  return putUnit(view, { ...unit, state: input.state, ...reason })
}

/** The changes that add or replace a group. */
export function putGroup(view: InventoryView, input: StorageUnitGroup): Change[] {
  const value = validGroup(input)
  for (const member of value.members) requireUnit(view, member)
  return [{ table: 'groups', key: value.name, value }]
}

/** The changes that remove a group. */
export function removeGroup(view: InventoryView, name: string): Change[] {
  if (view.groups.has(name)) return [{ table: 'groups', key: name, value: undefined }]
  throw new NbError('storage-group-unknown', `storage unit group ${name} is not configured`, {
    details: { group: name },
  })
}

/** The changes that add or replace a pool; there is one scratch pool at the most. */
export function putPool(view: InventoryView, input: VolumePool): Change[] {
  const value = validPool(input)
  const other = [...view.pools.values()].find(({ name, scratch }) => scratch && name !== value.name)
  if (value.scratch && other !== undefined)
    throw new NbError('state-conflict', `pool ${other.name} is the scratch pool already; unset it first`, {
      details: { pool: value.name, scratchPool: other.name },
    })
  return [{ table: 'pools', key: value.name, value }]
}

/** The changes that add a volume or replace what is known of it. */
export function putVolume(view: InventoryView, input: Volume): Change[] {
  const value = validVolume(input)
  const { volumeId, barcode, pool } = value
  if (!view.pools.has(pool))
    throw new NbError('pool-unknown', `volume ${volumeId}: pool ${pool} does not exist`, {
      details: { volumeId, pool },
    })
  if (barcode !== undefined)
    for (const other of view.volumes.values())
      if (other.barcode === barcode && other.volumeId !== volumeId)
        throw new NbError('already-exists', `barcode ${barcode} is on volume ${other.volumeId}`, {
          details: { barcode, volumeId: other.volumeId },
        })
  const drive = view.driveWith(volumeId)
  if (drive !== undefined && drive.density !== value.density)
    throw invalid('density', value.density, `${drive.density} while the volume is in drive ${drive.name}`)
  const before = view.volumes.get(volumeId)
  const held = view.heldVolume(volumeId)
  if (before !== undefined && held !== undefined)
    refuseMove(`volume ${volumeId}`, before, value, ['density', 'pool', 'robot'], [held])
  return [{ table: 'volumes', key: volumeId, value }]
}

/** The changes that add a drive or replace what is known of it. */
export function putDrive(view: InventoryView, input: Drive): Change[] {
  const value = validDrive(input)
  const { name, density, loadedVolume } = value
  if (loadedVolume !== undefined) {
    const volume = view.volumes.get(loadedVolume)
    if (volume?.density !== density)
      throw invalid('loadedVolume', loadedVolume, `a known volume of density ${density}`)
    const other = view.driveWith(loadedVolume)
    if (other !== undefined && other.name !== name)
      throw new NbError('state-conflict', `volume ${loadedVolume} is in drive ${other.name}`, {
        details: { volumeId: loadedVolume, drive: other.name },
      })
  }
  const before = view.drives.get(name)
  const held = view.heldDrive(name)
  if (before !== undefined && held !== undefined)
    refuseMove(`drive ${name}`, before, value, ['mediaServer', 'density', 'robot'], [held])
  return [{ table: 'drives', key: name, value }]
}

function requireUnit(view: InventoryView, name: string): StorageUnit {
  const unit = view.units.get(name)
  if (unit !== undefined) return unit
  throw new NbError('storage-unit-unknown', `storage unit ${name} is not configured`, {
    details: { storageUnit: name },
  })
}

/** Throws when one of the fields differs while jobs hold the thing. */
function refuseMove(
  what: string,
  before: object,
  after: object,
  fields: readonly string[],
  held: readonly Held[],
): void {
  const field = fields.find((name) => fieldOf(before, name) !== fieldOf(after, name))
  if (field !== undefined) throw inUse(what, `cannot change its ${field}`, held)
}

const fieldOf = (from: object, name: string): unknown => (from as Readonly<Record<string, unknown>>)[name]

function inUse(what: string, refusal: string, held: readonly Held[]): NbError {
  const jobs = held.map(({ allocation }) => allocation.jobId)
  return new NbError('state-conflict', `${what} ${refusal} while job ${jobs.join(', job ')} uses it`, {
    details: { jobs },
  })
}
