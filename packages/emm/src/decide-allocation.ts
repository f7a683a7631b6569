import type {
  AllocatedMedium,
  Blocker,
  DiskStorageUnit,
  Drive,
  MediaNeed,
  StorageUnit,
  TapeStorageUnit,
  Turn,
  Volume,
} from '@nb/contracts'
import {
  allOf,
  type Denial,
  limitReached,
  neverUntil,
  notConfigured,
  unitDown,
  unitMissing,
  volumeBusy,
  volumeUnusable,
  waitFor,
} from './blockers.ts'
import { chooseDrive } from './choose-drive.ts'
import { isWithin, volumesToWrite, type VolumeWish } from './choose-volume.ts'
import type { InventoryView } from './inventory.ts'
import { storageUnitCandidates } from './choose-storage-unit.ts'
import { turnBlockers } from './turns.ts'

/** What to set aside. `takenFromScratch` is the pool a scratch volume moves into. */
export interface Choice {
  readonly unit: StorageUnit
  readonly medium: AllocatedMedium
  readonly takenFromScratch?: string
}

/** Either everything that is needed, or every reason why not. */
export type Decision = { readonly choice: Choice } | { readonly denial: Denial }

/** Chooses what a job gets, or tells why it gets nothing now. It changes nothing. `turns` are kept for other jobs. */
export function decideAllocation(
  view: InventoryView,
  need: MediaNeed,
  turns: readonly Turn[] = [],
): Decision {
  if (need.kind === 'read') {
    const unit = view.units.get(need.storageUnit)
    const decision = decideRead(view, need)
    return unit === undefined ? decision : keepTurns(view, unit, decision, turns)
  }
  const candidates = storageUnitCandidates(view, need.storage)
  if ('denial' in candidates) return candidates
  const denials: Denial[] = []
  for (const unit of candidates.units) {
    const decision = keepTurns(view, unit, decideWrite(view, unit, need), turns)
    if ('choice' in decision) return decision
    denials.push(decision.denial)
    if (candidates.stopAtFirstNotDown && !isOut(unit, decision.denial)) break
  }
  return { denial: allOf(denials) }
}

/** What is another job's turn is not given; that joins the reasons of what could not be given anyway. */
function keepTurns(
  view: InventoryView,
  unit: StorageUnit,
  decision: Decision,
  turns: readonly Turn[],
): Decision {
  const blockers = turnBlockers(view, unit, turns)
  if (blockers.length === 0) return decision
  if ('choice' in decision) return { denial: waitFor(...blockers) }
  const { possible, blockers: others } = decision.denial
  return { denial: { possible, blockers: [...others, ...blockers] } }
}

/** For the failover rule: a unit that is down, disabled or can't ever serve is passed over; a busy one is waited for. */
function isOut(unit: StorageUnit, denial: Denial): boolean {
  return unit.state === 'down' || limitOf(unit) === 0 || !denial.possible
}

const limitOf = (unit: StorageUnit): number =>
  unit.type === 'disk' ? unit.maxConcurrentJobs : unit.maxConcurrentDrives

function decideRead(view: InventoryView, need: Extract<MediaNeed, { kind: 'read' }>): Decision {
  const unit = view.units.get(need.storageUnit)
  if (unit === undefined) return { denial: neverUntil(unitMissing(need.storageUnit)) }
  if (unit.type === 'disk') return decideDisk(view, unit)
  if (unit.state === 'down') return { denial: waitFor(unitDown(unit)) }
  const volume = view.volumes.get(need.volumeId ?? '')
  if (volume === undefined) {
    const name = need.volumeId ?? 'no volume named'
    return { denial: neverUntil(volumeUnusable(unit, name, 2031, `volume ${name} is known`)) }
  }
  return decideVolumeToRead(view, unit, volume)
}

function decideVolumeToRead(view: InventoryView, unit: TapeStorageUnit, volume: Volume): Decision {
  const { volumeId } = volume
  if (volume.density !== unit.density)
    return {
      denial: neverUntil(
        volumeUnusable(unit, volumeId, 2042, `a storage unit of density ${volume.density} is asked for it`),
      ),
    }
  const holder = view.heldVolume(volumeId)
  if (holder !== undefined) return { denial: waitFor(volumeBusy(unit, volume, holder)) }
  if (!isWithin(view, unit, volume)) {
    const place = unit.robot === undefined ? `a drive of ${unit.name}` : `robot ${unit.robot}`
    return {
      denial: waitFor(volumeUnusable(unit, volumeId, 2000, `volume ${volumeId} is put into ${place}`)),
    }
  }
  if (view.drivesOf(unit).length === 0) return { denial: neverUntil(noDrive(unit)) }
  const chosen = chooseDrive(view, unit, volume)
  if ('blockers' in chosen) return { denial: waitFor(...chosen.blockers) }
  return { choice: { unit, medium: tapeMedium(unit, chosen.drive, volume, volume.pool) } }
}

function decideWrite(view: InventoryView, unit: StorageUnit, wish: VolumeWish): Decision {
  return unit.type === 'disk' ? decideDisk(view, unit) : decideTapeWrite(view, unit, wish)
}

/** Reads and writes count alike: each is a job on the disk. */
function decideDisk(view: InventoryView, unit: DiskStorageUnit): Decision {
  const held = view.heldOn(unit.name)
  const blockers: Blocker[] = []
  if (unit.state === 'down') blockers.push(unitDown(unit))
  if (held.length >= unit.maxConcurrentJobs) blockers.push(limitReached(unit, unit.maxConcurrentJobs, held))
  if (blockers.length > 0) return { denial: waitFor(...blockers) }
  return { choice: { unit, medium: { kind: 'disk', maxFragmentBytes: unit.maxFragmentBytes } } }
}

function decideTapeWrite(view: InventoryView, unit: TapeStorageUnit, wish: VolumeWish): Decision {
  if (!view.pools.has(wish.volumePool)) {
    const text = `volume pool ${wish.volumePool} is created`
    return { denial: neverUntil(notConfigured(wish.volumePool, 167, text, unit.name)) }
  }
  if (view.drivesOf(unit).length === 0) return { denial: neverUntil(noDrive(unit)) }
  const volumes = volumesToWrite(view, unit, wish)
  if (volumes.length === 0) {
    const text = `pool ${wish.volumePool} or the scratch pool gets a volume of density ${unit.density} for storage unit ${unit.name}`
    return { denial: neverUntil(volumeUnusable(unit, wish.volumePool, 2000, text)) }
  }
  const blockers: Blocker[] = []
  if (unit.state === 'down') blockers.push(unitDown(unit))
  const writing = view.heldOn(unit.name).filter(({ allocation }) => allocation.purpose === 'write')
  if (writing.length >= unit.maxConcurrentDrives)
    blockers.push(limitReached(unit, unit.maxConcurrentDrives, writing))
  const pick = pickVolumeAndDrive(view, unit, volumes)
  if ('blockers' in pick) blockers.push(...pick.blockers)
  if (blockers.length > 0 || 'blockers' in pick) return { denial: waitFor(...blockers) }
  const { drive, volume } = pick
  const medium = tapeMedium(unit, drive, volume, wish.volumePool)
  const moved = volume.pool === wish.volumePool ? {} : { takenFromScratch: wish.volumePool }
  return { choice: { unit, medium, ...moved } }
}

/** The best volume for which there is a drive; else what every one of them waits for, each reason once. */
function pickVolumeAndDrive(
  view: InventoryView,
  unit: TapeStorageUnit,
  volumes: readonly Volume[],
): { readonly drive: Drive; readonly volume: Volume } | { readonly blockers: readonly Blocker[] } {
  const blockers = new Map<string, Blocker>()
  const note = (blocker: Blocker): unknown => blockers.set(`${blocker.kind}:${blocker.name}`, blocker)
  for (const volume of volumes) {
    const holder = view.heldVolume(volume.volumeId)
    if (holder !== undefined) {
      note(volumeBusy(unit, volume, holder))
      continue
    }
    const chosen = chooseDrive(view, unit, volume)
    if ('drive' in chosen) return { drive: chosen.drive, volume }
    chosen.blockers.forEach(note)
  }
  return { blockers: [...blockers.values()] }
}

function tapeMedium(
  unit: TapeStorageUnit,
  drive: Drive,
  volume: Volume,
  volumePool: string,
): AllocatedMedium {
  const { maxFragmentBytes } = unit
  return { kind: 'tape', maxFragmentBytes, drive: drive.name, volumeId: volume.volumeId, volumePool }
}

function noDrive(unit: TapeStorageUnit): Blocker {
  const where = unit.robot === undefined ? 'outside robots' : `in robot ${unit.robot}`
  const text = `a drive of density ${unit.density} ${where} on media server ${unit.mediaServer} is configured`
  return notConfigured(unit.name, 2001, text, unit.name)
}
