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
  type Denial,
  neverUntil,
  notConfigured,
  robotDown,
  unitMissing,
  volumeBusy,
  volumeOutside,
  volumeUnusable,
  waitFor,
} from './blockers.ts'
import { chooseDrive } from './choose-drive.ts'
import { chooseGroup, mostInGroup, wouldJoin } from './choose-group.ts'
import { storageUnitCandidates } from './choose-storage-unit.ts'
import { isWithin, pickVolume } from './choose-volume.ts'
import { whyNoRoom, whyTooLarge } from './disk-space.ts'
import type { Holders, MultiplexGroup } from './hold-index.ts'
import type { InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'
import { turnBlockers } from './turns.ts'
import { addFull, addUnavailable, isOut, whyUnavailable } from './unit-available.ts'
import { whyNoVolume } from './why-no-volume.ts'

/** What to set aside. */
export interface Choice {
  readonly unit: StorageUnit
  readonly medium: AllocatedMedium
  /** A place in a new group: the group is named by the allocation that begins it. */
  readonly beginsGroup?: { readonly most: number }
  /** The pool a scratch volume moves into. */
  readonly takenFromScratch?: string
}

/** Either everything that is needed, or every reason why not. */
export type Decision = { readonly choice: Choice } | { readonly denial: Denial }

/** Most jobs that read a volume at once. */
const mostReaders = 32

const anyUnit = (): boolean => true

type WriteNeed = Extract<MediaNeed, { kind: 'write' }>

/** Chooses what a job gets, or tells why it gets nothing now. It changes nothing. `turns` are kept for other jobs. */
export function decideAllocation(
  view: InventoryView,
  need: MediaNeed,
  rules: Rules,
  turns: readonly Turn[] = [],
  mayUse: (unit: StorageUnit) => boolean = anyUnit,
): Decision {
  if (need.kind === 'read') {
    const unit = view.units.get(need.storageUnit)
    if (unit === undefined) return { denial: neverUntil(unitMissing(need.storageUnit)) }
    if (unit.type === 'tape') return keepTurns(view, unit, decideRead(view, unit, need.volumeId), turns)
    const blockers: Blocker[] = []
    addDiskBlockers(view, unit, turns, blockers)
    return blockers.length === 0 ? { choice: onDisk(unit) } : { denial: { possible: true, blockers } }
  }
  const candidates = storageUnitCandidates(view, need.storage, rules)
  if ('denial' in candidates) return candidates
  let possible = false
  const blockers: Blocker[] = []
  // Where nothing is in the way but that more is expected than there is room for.
  const tooSmall: DiskStorageUnit[] = []
  let isRoomSomewhere = false
  for (const unit of candidates.units) {
    if (!mayUse(unit)) continue
    let isPossible = true
    if (unit.type === 'disk') {
      const before = blockers.length
      addDiskBlockers(view, unit, turns, blockers)
      const noRoom = whyNoRoom(view, unit, rules)
      if (noRoom !== undefined) blockers.push(noRoom)
      const tooLarge = noRoom === undefined ? whyTooLarge(view, unit, need, rules) : undefined
      if (blockers.length === before) {
        if (tooLarge === undefined) return { choice: onDisk(unit) }
        tooSmall.push(unit)
      }
      if (tooLarge !== undefined) blockers.push(tooLarge)
      else isRoomSomewhere ||= !isOut(view, unit, true, rules)
    } else {
      const decision = keepTurns(view, unit, decideTapeWrite(view, unit, need, rules), turns)
      if ('choice' in decision) return decision
      isPossible = decision.denial.possible
      for (const blocker of decision.denial.blockers) blockers.push(blocker)
      isRoomSomewhere ||= !isOut(view, unit, isPossible, rules)
    }
    // Possible when it is for one of them.
    possible ||= isPossible
    if (candidates.stopAtFirstNotDown && !isOut(view, unit, isPossible, rules)) break
  }
  // An estimate keeps a job from where others write, not from being tried where nothing has more room.
  const idle = isRoomSomewhere ? undefined : tooSmall.find(({ name }) => view.holds.committedOn(name) === 0)
  return idle === undefined ? { denial: { possible, blockers } } : { choice: onDisk(idle) }
}

/** What is another job's turn is not given; that joins the reasons of what could not be given anyway. */
function keepTurns(
  view: InventoryView,
  unit: StorageUnit,
  decision: Decision,
  turns: readonly Turn[],
): Decision {
  if (turns.length === 0) return decision
  const blockers = turnBlockers(view, unit, turns)
  if (blockers.length === 0) return decision
  if ('choice' in decision) return { denial: waitFor(...blockers) }
  const { possible, blockers: others } = decision.denial
  return { denial: { possible, blockers: [...others, ...blockers] } }
}

function decideRead(view: InventoryView, unit: TapeStorageUnit, volumeId: string | undefined): Decision {
  const volume = view.volumes.get(volumeId ?? '')
  if (volume === undefined) {
    const name = volumeId ?? 'no volume named'
    return { denial: neverUntil(volumeUnusable(unit, name, 2031, `volume ${name} is known`)) }
  }
  const decision = decideVolumeToRead(view, unit, volume)
  const unavailable = whyUnavailable(view, unit)
  if (unavailable.length === 0 || ('denial' in decision && !decision.denial.possible)) return decision
  return { denial: waitFor(...unavailable, ...('denial' in decision ? decision.denial.blockers : [])) }
}

function decideVolumeToRead(view: InventoryView, unit: TapeStorageUnit, volume: Volume): Decision {
  const { volumeId } = volume
  if (volume.density !== unit.density)
    return {
      denial: neverUntil(
        volumeUnusable(unit, volumeId, 2042, `a storage unit of density ${volume.density} is asked for it`),
      ),
    }
  if (view.drivesOf(unit).size === 0) return { denial: neverUntil(noDrive(unit)) }
  const holders = view.holds.onVolume(volumeId)
  const shared = driveToShare(view, unit, holders)
  if (shared !== undefined) return { choice: { unit, medium: tapeMedium(unit, shared, volume, volume.pool) } }
  if (holders.size > 0) return { denial: waitFor(volumeBusy(unit, volumeId, holders)) }
  if (!isWithin(view, unit, volume))
    return { denial: waitFor(volumeOutside(unit, volume, view.driveWith(volumeId))) }
  const robot = unit.robot === undefined ? undefined : view.robots.get(unit.robot)
  if (robot?.state === 'down' && view.driveWith(volumeId) === undefined)
    return { denial: waitFor(robotDown(unit, robot)) }
  const chosen = chooseDrive(view, unit, volume)
  if ('blockers' in chosen) return { denial: waitFor(...chosen.blockers) }
  return { choice: { unit, medium: tapeMedium(unit, chosen.drive, volume, volume.pool) } }
}

/** The drive of those who read the volume already, which one more may read with them. */
function driveToShare(view: InventoryView, unit: TapeStorageUnit, holders: Holders): Drive | undefined {
  const [first] = holders.values()
  if (first === undefined || holders.size >= mostReaders) return undefined
  const { purpose, storageUnit, medium } = first.allocation
  if (purpose !== 'read' || storageUnit !== unit.name || medium.kind === 'disk') return undefined
  const drive = view.drives.get(medium.drive)
  return drive?.state === 'up' ? drive : undefined
}

/** Reads and writes count alike: each is a job on the disk. Puts to others what is in the way, if anything is. */
function addDiskBlockers(
  view: InventoryView,
  unit: DiskStorageUnit,
  turns: readonly Turn[],
  blockers: Blocker[],
): void {
  addUnavailable(view, unit, blockers)
  addFull(view, unit, blockers)
  if (turns.length > 0) blockers.push(...turnBlockers(view, unit, turns))
}

function onDisk(unit: DiskStorageUnit): Choice {
  return { unit, medium: { kind: 'disk', maxFragmentBytes: unit.maxFragmentBytes } }
}

function decideTapeWrite(
  view: InventoryView,
  unit: TapeStorageUnit,
  need: WriteNeed,
  rules: Rules,
): Decision {
  if (!view.pools.has(need.volumePool)) {
    const text = `volume pool ${need.volumePool} is created`
    return { denial: neverUntil(notConfigured(need.volumePool, 167, text, unit.name)) }
  }
  if (view.drivesOf(unit).size === 0) return { denial: neverUntil(noDrive(unit)) }
  const unavailable = whyUnavailable(view, unit)
  if (unavailable.length === 0) {
    const group = chooseGroup(view, unit, need, rules.now)
    if (group !== undefined) return { choice: { unit, medium: joined(unit, need, group) } }
  }
  const pick = pickVolume(view, unit, need, rules, wouldJoin(view, unit, need))
  if ('blockers' in pick && pick.blockers.length === 0)
    return { denial: neverUntil(whyNoVolume(view, unit, need, rules)) }
  const blockers: Blocker[] = [...unavailable]
  addFull(view, unit, blockers)
  if ('blockers' in pick) blockers.push(...pick.blockers)
  if (blockers.length > 0 || 'blockers' in pick) return { denial: waitFor(...blockers) }
  const { drive, volume } = pick
  const most = mostInGroup(unit, need)
  return {
    choice: {
      unit,
      medium: tapeMedium(unit, drive, volume, need.volumePool),
      ...(most > 1 ? { beginsGroup: { most } } : {}),
      ...(volume.pool === need.volumePool ? {} : { takenFromScratch: need.volumePool }),
    },
  }
}

/** A place beside the other members of a group. */
function joined(
  unit: TapeStorageUnit,
  need: WriteNeed,
  { id, drive, volumeId }: MultiplexGroup,
): AllocatedMedium {
  const { maxFragmentBytes } = unit
  const multiplex = { group: id, most: mostInGroup(unit, need) }
  return { kind: 'tape', maxFragmentBytes, drive, volumeId, volumePool: need.volumePool, multiplex }
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
