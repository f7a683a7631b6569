import {
  type Blocker,
  type Drive,
  type MediaServerEntry,
  type Robot,
  type StorageUnit,
  type TapeStorageUnit,
  type Volume,
  type VolumePool,
  formatBytes,
} from '@nb/contracts'
import { type Holders, firstHolders, oldestHolders, tell, toldOf } from './hold-index.ts'

/** Why nothing was allocated. `possible` is false when no release of others can ever help. */
export interface Denial {
  readonly possible: boolean
  readonly blockers: readonly Blocker[]
}

/** More things of one kind than this get one blocker for all of them. */
export const mostNamed = 16
/** A denial that waiting can end. */
export const waitFor = (...blockers: readonly Blocker[]): Denial => ({ possible: true, blockers })

/** A denial that only a change of the configuration can end. */
export const neverUntil = (...blockers: readonly Blocker[]): Denial => ({ possible: false, blockers })

/** Whose end gives a thing back that all of them hold together: "job 17 gives", "jobs 17, 18 and 2 more give". */
function allGive(held: Holders): string {
  const ids = firstHolders(held, 3).map(({ jobId }) => jobId)
  if (held.size === 1) return `job ${ids[0]} gives`
  const more = held.size > ids.length ? ` and ${held.size - ids.length} more` : ''
  return `jobs ${ids.join(', ')}${more} give`
}

/** The state's reason in brackets, when one was given. */
const because = (reason: string | undefined): string => (reason === undefined ? '' : ` (down: ${reason})`)

/** What must happen for a limit to let one more in. */
function oneLess(limit: number, inUse: number, held: Holders, enable: string): string {
  if (limit === 0) return enable
  if (inUse > limit) return `fewer than ${limit} of them run`
  if (held.size > inUse) return `all jobs that share one of its ${inUse} drives have ended`
  const [first] = held.values()
  return first !== undefined && held.size === 1 ? `job ${first.allocation.jobId} ends` : 'one of them ends'
}

/** 2040: as many jobs, or drives that write, as allowed hold the unit; 2045: it allows none. */
export function limitReached(unit: StorageUnit, limit: number, inUse: number, held: Holders): Blocker {
  const { name } = unit
  const told = toldOf(held)
  if (told?.kind === 'storage-unit-limit' && told.name === name)
    if (told.limit === limit && told.inUse === inUse) return told
  return tell(held, {
    kind: 'storage-unit-limit',
    name,
    storageUnit: name,
    reason: limit === 0 ? 2045 : 2040,
    limit,
    inUse,
    holders: oldestHolders(held),
    goesOnWhen: oneLess(limit, inUse, held, `storage unit ${name} is enabled by a limit above 0`),
  })
}

/** 2041. */
export function unitDown(unit: StorageUnit): Blocker {
  const goesOnWhen = `storage unit ${unit.name} is brought up${because(unit.stateReason)}`
  return standing('storage-unit-down', unit.name, unit, 2041, goesOnWhen)
}

/** 2030: used to its high-water mark or more. */
export function overHighWater(
  unit: StorageUnit,
  { totalBytes, freeBytes }: { readonly totalBytes: number; readonly freeBytes: number },
  usedPercent: number,
  highWaterPercent: number,
): Blocker {
  const { name } = unit
  const goesOnWhen = `storage unit ${name} is used below its high-water mark of ${highWaterPercent}% (now ${usedPercent.toFixed(1)}%: ${inBytes(freeBytes)} of ${inBytes(totalBytes)} are free): let images expire, add space, or raise the mark`
  const standingAt = standing('storage-unit-full', name, unit, 2030, goesOnWhen)
  return { ...standingAt, limit: highWaterPercent, inUse: Math.min(100, Math.floor(usedPercent)) }
}

/** 129: a job found no room there, and none has come free since. */
export function diskFull(unit: StorageUnit, freeBytes: number): Blocker {
  const goesOnWhen = `space is seen on storage unit ${unit.name}, where a job found none (${inBytes(freeBytes)} are free): let images expire or add space`
  return standing('storage-unit-full', unit.name, unit, 129, goesOnWhen)
}

/** 2030: it has room, but less than is expected to be written beside what running jobs are expected to write. */
export function notEnoughRoom(
  unit: StorageUnit,
  expectedBytes: number,
  roomBytes: number,
  held: Holders,
): Blocker {
  const { name } = unit
  return {
    kind: 'storage-unit-full',
    name,
    storageUnit: name,
    reason: 2030,
    inUse: held.size,
    holders: oldestHolders(held),
    goesOnWhen: `storage unit ${name} has room for about ${inBytes(expectedBytes)} below its high-water mark (${inBytes(roomBytes)} are left beside what running jobs are expected to write)`,
  }
}

/** Bytes within a sentence. */
const inBytes = (bytes: number): string => formatBytes(bytes, 'bytes')

/** 2027. */
export function serverDown(unit: StorageUnit, server: MediaServerEntry): Blocker {
  const goesOnWhen = `media server ${server.name} is brought up${because(server.stateReason)}`
  return standing('media-server', server.name, unit, 2027, goesOnWhen)
}

/** 2062: as many jobs as allowed move data through the media server. */
export function serverLimitReached(
  unit: StorageUnit,
  { name }: MediaServerEntry,
  limit: number,
  held: Holders,
): Blocker {
  const told = toldOf(held)
  if (told?.kind === 'media-server' && told.storageUnit === unit.name && told.limit === limit) return told
  return tell(held, {
    kind: 'media-server',
    name,
    storageUnit: unit.name,
    reason: 2062,
    limit,
    inUse: held.size,
    holders: oldestHolders(held),
    goesOnWhen: oneLess(limit, held.size, held, `media server ${name} gets a limit above 0`),
  })
}

/** 2020. */
export function robotDown(unit: StorageUnit, robot: Robot): Blocker {
  const goesOnWhen = `robot ${robot.name} is brought up${because(robot.stateReason)}`
  return standing('robot', robot.name, unit, 2020, goesOnWhen)
}

/** 219. */
export function unitMissing(name: string): Blocker {
  return standing('storage-unit-missing', name, { name }, 219, `storage unit ${name} is configured`)
}

/** Something that nobody configured: a group (2097), a pool (167), any unit at all (213, 2111). */
export function notConfigured(
  name: string,
  reason: number,
  goesOnWhen: string,
  storageUnit?: string,
): Blocker {
  const unit = storageUnit === undefined ? {} : { storageUnit }
  return { kind: 'not-configured', name, ...unit, reason, holders: [], goesOnWhen }
}

/** What else is to be said of a drive that can't be given. */
interface OfDrive {
  /** The volume in it, where the job needs that. */
  readonly wanted?: string | undefined
  /** Others share it, and one more could have joined but for the number of them: then the end of one is enough. */
  readonly full?: boolean
}

/** The volume that makes a drive the only one that will do. */
const within = (wanted: string | undefined): string =>
  wanted === undefined ? '' : `, with volume ${wanted} in it`

/** 2001: a drive that others use. */
export function driveBusy(
  unit: StorageUnit,
  { name }: Drive,
  held: Holders,
  { wanted, full = false }: OfDrive = {},
): Blocker {
  return {
    kind: 'drive',
    name,
    storageUnit: unit.name,
    reason: 2001,
    limit: 1,
    inUse: 1,
    holders: oldestHolders(held),
    goesOnWhen:
      full && held.size > 1
        ? `one of the ${held.size} jobs that share drive ${name} ends`
        : `${allGive(held)} drive ${name} back${within(wanted)}`,
  }
}

/** 830: a drive that is down or under an operator; 2054 when it holds the volume that is wanted. */
export function driveDown(unit: StorageUnit, { name, state, stateReason }: Drive, wanted?: string): Blocker {
  const how = state === 'operator' ? ' out of operator mode' : because(stateReason)
  const goesOnWhen = `drive ${name} is brought up${how}${within(wanted)}`
  return standing('drive', name, unit, wanted === undefined ? 830 : 2054, goesOnWhen)
}

/** 2001 for more drives than are named one by one, or 830 when nobody holds any of them. */
export function drivesBusy(unit: StorageUnit, drives: number, inUse: number, held: Holders): Blocker {
  const goesOnWhen =
    held.size > 0
      ? `one of the ${drives} drives of storage unit ${unit.name} is given back or brought up`
      : `one of the ${drives} drives of storage unit ${unit.name} is brought up`
  return {
    kind: 'drive',
    name: unit.name,
    storageUnit: unit.name,
    reason: held.size > 0 ? 2001 : 830,
    limit: drives,
    inUse,
    holders: oldestHolders(held),
    goesOnWhen,
  }
}

/** 2032: a volume that others use, and the drive in which they do. */
export function volumeBusy(unit: StorageUnit, volumeId: string, held: Holders): Blocker {
  const [first] = held.values()
  const medium = first?.allocation.medium
  const where = medium?.kind === 'tape' ? ` (in drive ${medium.drive})` : ''
  return {
    kind: 'volume',
    name: volumeId,
    storageUnit: unit.name,
    reason: 2032,
    limit: 1,
    inUse: 1,
    holders: oldestHolders(held),
    goesOnWhen: `${allGive(held)} volume ${volumeId} back${where}`,
  }
}

/** 2032 for more volumes of a pool than are named one by one. */
export function volumesBusy(unit: StorageUnit, pool: string, volumes: number, held: Holders): Blocker {
  return {
    kind: 'volume',
    name: pool,
    storageUnit: unit.name,
    reason: 2032,
    limit: volumes,
    inUse: volumes,
    holders: oldestHolders(held),
    goesOnWhen: `one of the ${volumes} volumes of pool ${pool} that would do is given back`,
  }
}

/** 2087: the pool has as many partly full volumes as it may. */
export function tooManyPartlyFull(
  unit: StorageUnit,
  { name }: VolumePool,
  limit: number,
  inUse: number,
  held: Holders,
): Blocker {
  return {
    kind: 'volume',
    name,
    storageUnit: unit.name,
    reason: 2087,
    limit,
    inUse,
    holders: oldestHolders(held),
    goesOnWhen: `fewer than ${limit} volumes of pool ${name} are partly full`,
  }
}

/** 2000: a volume to read that is not where its drives get it from, or in a drive elsewhere: a person has to bring it. */
export function volumeOutside(
  unit: TapeStorageUnit,
  { volumeId, pool, density }: Volume,
  away: Drive | undefined,
): Blocker {
  const { robot } = unit
  const place = robot === undefined ? `a drive of ${unit.name}` : `robot ${robot}`
  const now = away === undefined ? '' : ` (it is in drive ${away.name} of media server ${away.mediaServer})`
  return {
    ...volumeUnusable(unit, volumeId, 2000, `volume ${volumeId} is put into ${place}${now}`),
    wanted: { volumeId, pool, density, ...(robot === undefined ? {} : { robot }) },
  }
}

/** A volume that can't be used as it is: 2031 unknown, 2042 of another density, 2000 none in the pool. */
export function volumeUnusable(unit: StorageUnit, name: string, reason: number, goesOnWhen: string): Blocker {
  return standing('volume', name, unit, reason, goesOnWhen)
}

/** What nobody holds: a person changes it. */
function standing(
  kind: Blocker['kind'],
  name: string,
  unit: { readonly name: string },
  reason: number,
  goesOnWhen: string,
): Blocker {
  return { kind, name, storageUnit: unit.name, reason, holders: [], goesOnWhen }
}
