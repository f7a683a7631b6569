import {
  type Drive,
  type MediaServerEntry,
  NbError,
  type Robot,
  type StorageUnit,
  type StorageUnitGroup,
  type Volume,
  type VolumePool,
} from '@nb/contracts'
import { invalid } from './argument-checks.ts'
import type { Holders } from './hold-index.ts'
import { imageKey, unlisted } from './image-table.ts'
import type { Change, InventoryView } from './inventory.ts'
import {
  validDrive,
  validGroup,
  validMediaServer,
  validPool,
  validRobot,
  validStorageUnit,
  validVolume,
} from './valid-configuration.ts'
import { withLabelOf } from './volume-label.ts'

/** The changes that add or replace a storage unit. What its allocations rest on can't change under them. */
export function putUnit(view: InventoryView, input: StorageUnit): Change[] {
  const value = validStorageUnit(input)
  const before = view.units.get(value.name)
  const held = view.holds.onUnit(value.name)
  if (before !== undefined && held.size > 0)
    refuseMove(`storage unit ${value.name}`, before, value, ['type', 'mediaServer', 'density', 'robot'], held)
  return [{ table: 'units', key: value.name, value }]
}

/** The changes that remove a storage unit that nothing holds and no group names. */
export function removeUnit(view: InventoryView, name: string): Change[] {
  requireUnit(view, name)
  const held = view.holds.onUnit(name)
  if (held.size > 0) throw inUse(`storage unit ${name}`, 'cannot be removed', held)
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

/** The changes that add or replace a media server. */
export function putMediaServer(_view: InventoryView, input: MediaServerEntry): Change[] {
  const value = validMediaServer(input)
  return [{ table: 'mediaServers', key: value.name, value }]
}

/** The changes that add or replace a robot. */
export function putRobot(_view: InventoryView, input: Robot): Change[] {
  const value = validRobot(input)
  return [{ table: 'robots', key: value.name, value }]
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

/**
 * The changes that add a volume or replace what is known of it. What images say of it is not taken while there are any;
 * without any, a volume said to be assigned has images that are not listed.
 */
export function putVolume(view: InventoryView, input: Volume): Change[] {
  const { scratchPool: _told, ...value } = withLabelOf(validVolume(input), view.volumes.get(input.volumeId))
  const { volumeId, barcode, pool } = value
  if (!view.pools.has(pool))
    throw new NbError('pool-unknown', `volume ${volumeId}: pool ${pool} does not exist`, {
      details: { volumeId, pool },
    })
  const other = barcode === undefined ? undefined : view.withBarcode(barcode)
  if (other !== undefined && other !== volumeId)
    throw new NbError('already-exists', `barcode ${barcode} is on volume ${other}`, {
      details: { barcode: barcode ?? '', volumeId: other },
    })
  const drive = view.driveWith(volumeId)
  if (drive !== undefined && drive.density !== value.density)
    throw invalid('density', value.density, `${drive.density} while the volume is in drive ${drive.name}`)
  const before = view.volumes.get(volumeId)
  const held = view.holds.onVolume(volumeId)
  if (before !== undefined && held.size > 0)
    refuseMove(`volume ${volumeId}`, before, value, ['density', 'pool', 'robot'], held)
  const images = view.images.onVolume(volumeId)
  const hasUnlisted = images.has(unlisted)
  const listed = images.size - (hasUnlisted ? 1 : 0)
  const kept = before === undefined || before.pool !== pool ? {} : scratchPoolOf(before)
  const said = value.assignedAt !== undefined
  // A frozen volume stays assigned when its last image has gone; taken out of that state it has nothing on it.
  const emptied = said && images.size === 0 && before?.assignedAt !== undefined
  const content =
    before !== undefined && listed > 0
      ? withContent(value, before)
      : emptied && value.state !== 'frozen'
        ? withContent(value, {})
        : value
  const changes: Change[] = [{ table: 'volumes', key: volumeId, value: { ...content, ...kept } }]
  const key = imageKey(volumeId, unlisted)
  if (said && !hasUnlisted && listed === 0 && !emptied)
    changes.push({ table: 'images', key, value: { retentionLevel: value.retentionLevel ?? 0 } })
  if (!said && hasUnlisted) changes.push({ table: 'images', key, value: undefined })
  return changes
}

const scratchPoolOf = ({ scratchPool }: Volume): Pick<Volume, 'scratchPool'> =>
  scratchPool === undefined ? {} : { scratchPool }

/** A volume with what another record of it says of the images on it. */
function withContent(volume: Volume, known: Partial<Volume>): Volume {
  const { assignedAt: _a, retentionLevel: _r, multiRetention: _m, multiplexed: _x, ...rest } = volume
  const { assignedAt, retentionLevel, multiRetention, multiplexed } = known
  return {
    ...rest,
    ...(assignedAt === undefined ? {} : { assignedAt }),
    ...(retentionLevel === undefined ? {} : { retentionLevel }),
    ...(multiRetention === undefined ? {} : { multiRetention }),
    ...(multiplexed === undefined ? {} : { multiplexed }),
  }
}

/** The changes that add a drive or replace what is known of it; what is counted of it stays. */
export function putDrive(view: InventoryView, input: Drive): Change[] {
  const { mountMsSinceCleaning: _m, cleanedAt: _c, ...said } = validDrive(input)
  const before = view.drives.get(said.name)
  const value = { ...said, ...(before === undefined ? {} : countedOf(before)) }
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
  const held = view.holds.onDrive(name)
  if (before !== undefined && held.size > 0)
    refuseMove(`drive ${name}`, before, value, ['mediaServer', 'density', 'robot'], held)
  return [{ table: 'drives', key: name, value }]
}

const countedOf = ({
  mountMsSinceCleaning,
  cleanedAt,
}: Drive): Pick<Drive, 'mountMsSinceCleaning' | 'cleanedAt'> => ({
  ...(mountMsSinceCleaning === undefined ? {} : { mountMsSinceCleaning }),
  ...(cleanedAt === undefined ? {} : { cleanedAt }),
})

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
  held: Holders,
): void {
  const field = fields.find((name) => fieldOf(before, name) !== fieldOf(after, name))
  if (field !== undefined) throw inUse(what, `cannot change its ${field}`, held)
}

const fieldOf = (from: object, name: string): unknown => (from as Readonly<Record<string, unknown>>)[name]

function inUse(what: string, refusal: string, held: Holders): NbError {
  const jobs = [...held.values()].map(({ allocation }) => allocation.jobId)
  return new NbError('state-conflict', `${what} ${refusal} while job ${jobs.join(', job ')} uses it`, {
    details: { jobs },
  })
}
