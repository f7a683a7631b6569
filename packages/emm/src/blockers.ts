import type { Blocker, Drive, StorageUnit, Volume } from '@nb/contracts'
import type { Held } from './inventory.ts'

/** Why nothing was allocated. `possible` is false when no release of others can ever help. */
export interface Denial {
  readonly possible: boolean
  readonly blockers: readonly Blocker[]
}

/** A denial that waiting can end. */
export const waitFor = (...blockers: readonly Blocker[]): Denial => ({ possible: true, blockers })

/** A denial that only a change of the configuration can end. */
export const neverUntil = (...blockers: readonly Blocker[]): Denial => ({ possible: false, blockers })

/** The denials of several candidates as one: possible when one of them is. */
export function allOf(denials: readonly Denial[]): Denial {
  return {
    possible: denials.some(({ possible }) => possible),
    blockers: denials.flatMap(({ blockers }) => blockers),
  }
}

const holdersOf = (held: readonly Held[]): Blocker['holders'] =>
  held.map(({ allocation: { jobId, since } }) => ({ jobId, since }))

/** The state's reason in brackets, when one was given. */
const because = (reason: string | undefined): string => (reason === undefined ? '' : ` (down: ${reason})`)

/** 2040: as many jobs as allowed hold the unit; 2045: it allows none. */
export function limitReached(unit: StorageUnit, limit: number, held: readonly Held[]): Blocker {
  const [only, ...others] = held
  return {
    kind: 'storage-unit-limit',
    name: unit.name,
    storageUnit: unit.name,
    reason: limit === 0 ? 2045 : 2040,
    limit,
    inUse: held.length,
    holders: holdersOf(held),
    goesOnWhen:
      limit === 0
        ? `storage unit ${unit.name} is enabled by a limit above 0`
        : held.length > limit
          ? `fewer than ${limit} of them run`
          : only !== undefined && others.length === 0
            ? `job ${only.allocation.jobId} ends`
            : 'one of them ends',
  }
}

/** 2041. */
export function unitDown(unit: StorageUnit): Blocker {
  return {
    kind: 'storage-unit-down',
    name: unit.name,
    storageUnit: unit.name,
    reason: 2041,
    holders: [],
    goesOnWhen: `storage unit ${unit.name} is brought up${because(unit.stateReason)}`,
  }
}

/** 219. */
export function unitMissing(name: string): Blocker {
  return {
    kind: 'storage-unit-missing',
    name,
    storageUnit: name,
    reason: 219,
    holders: [],
    goesOnWhen: `storage unit ${name} is configured`,
  }
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

/** 2001: a drive that another job uses. */
export function driveBusy(unit: StorageUnit, drive: Drive, held: Held): Blocker {
  return {
    kind: 'drive',
    name: drive.name,
    storageUnit: unit.name,
    reason: 2001,
    limit: 1,
    inUse: 1,
    holders: holdersOf([held]),
    goesOnWhen: `job ${held.allocation.jobId} gives drive ${drive.name} back`,
  }
}

/** 830: a drive that is down; 2054 when it holds the volume that is wanted. */
export function driveDown(unit: StorageUnit, drive: Drive, wanted?: Volume): Blocker {
  return {
    kind: 'drive',
    name: drive.name,
    storageUnit: unit.name,
    reason: wanted === undefined ? 830 : 2054,
    holders: [],
    goesOnWhen: `drive ${drive.name} is brought up${because(drive.stateReason)}`,
  }
}

/** 2032: a volume that another job uses. */
export function volumeBusy(unit: StorageUnit, volume: Volume, held: Held): Blocker {
  return {
    kind: 'volume',
    name: volume.volumeId,
    storageUnit: unit.name,
    reason: 2032,
    limit: 1,
    inUse: 1,
    holders: holdersOf([held]),
    goesOnWhen: `job ${held.allocation.jobId} gives volume ${volume.volumeId} back`,
  }
}

/** A volume that can't be used as it is: 2031 unknown, 2042 of another density, 2000 none in the pool. */
export function volumeUnusable(unit: StorageUnit, name: string, reason: number, goesOnWhen: string): Blocker {
  return { kind: 'volume', name, storageUnit: unit.name, reason, holders: [], goesOnWhen }
}
