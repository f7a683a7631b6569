import {
  type AllocatedMedium,
  type Allocation,
  type AllocationRequest,
  NbError,
  type Volume,
} from '@nb/contracts'
import { type Denial, driveBusy, notConfigured, unitMissing, waitFor } from './blockers.ts'
import { chooseNextVolume } from './choose-next-volume.ts'
import { mostInGroup } from './choose-group.ts'
import type { Held } from './held.ts'
import type { Change, InventoryView } from './inventory.ts'
import type { Rules } from './rules.ts'
import { inState } from './volume-life.ts'

type WriteNeed = Extract<AllocationRequest['need'], { kind: 'write' }>

/** A request that takes the place of an allocation whose volume has come to its end. */
export type ExchangeRequest = Pick<AllocationRequest, 'allocationId' | 'jobId' | 'flow'> & {
  readonly need: WriteNeed & { readonly replaces: string }
}

/** What an exchange leads to: the new allocation, what it ends, and all that changes with it at once. */
export interface Exchange {
  readonly held: Held
  readonly ended: Held
  readonly batch: readonly Change[]
}

/** Whether a request goes on from an allocation. */
export function isExchange(request: AllocationRequest): request is AllocationRequest & ExchangeRequest {
  return request.need.kind === 'write' && request.need.replaces !== undefined
}

/**
 * The next volume of an image, in the drive that its job has: what it had before ends in the same step, and the volume is full. Of jobs
 * that share the drive the first begins the group that succeeds theirs, and the others join just that, whatever limits say: they
 * are on the drive already, and nobody else joins before all have come. Neither does that group go on to a third volume before: two are on
 * the drive's account at most. What a running job goes on with is nobody's turn.
 * Throws `not-found` where the job holds no such allocation, `argument-invalid` for one that writes to no tape.
 */
export function decideExchange(
  view: InventoryView,
  request: ExchangeRequest,
  rules: Rules,
  whenNone: 'wait' | 'refuse',
): Exchange | { readonly denial: Denial } {
  const { need } = request
  const ended = endedOf(view, request)
  const { storageUnit, medium } = ended.allocation
  if (medium.kind !== 'tape' || ended.need.kind !== 'write')
    throw new NbError('argument-invalid', `need.replaces is ${need.replaces}, which writes to no tape`, {
      details: { field: 'need.replaces', value: need.replaces },
    })
  const unit = view.units.get(storageUnit)
  if (unit?.type !== 'tape') return { denial: waitFor(unitMissing(storageUnit)) }
  const { maxFragmentBytes } = unit
  const group = medium.multiplex?.group
  const most = mostInGroup(unit, need)
  const next = group === undefined ? undefined : view.holds.succeeding(group)
  if (group !== undefined && next !== undefined) {
    const { drive, volumeId } = next
    const multiplex = { group: next.id, most, succeeds: group }
    const joined = {
      kind: 'tape',
      maxFragmentBytes,
      drive,
      volumeId,
      volumePool: need.volumePool,
      multiplex,
    } as const
    return exchange(view, request, ended, joined, rules)
  }
  if (!view.pools.has(need.volumePool))
    return {
      denial: waitFor(
        notConfigured(need.volumePool, 167, `volume pool ${need.volumePool} is created`, unit.name),
      ),
    }
  const drive = view.drives.get(medium.drive)
  if (drive === undefined)
    return {
      denial: waitFor(notConfigured(medium.drive, 2001, `drive ${medium.drive} is configured`, unit.name)),
    }
  const coming = medium.multiplex?.succeeds
  if (coming !== undefined && view.holds.ofGroup(coming) !== undefined)
    return { denial: waitFor(driveBusy(unit, drive, view.holds.onDrive(drive.name))) }
  const isShared = view.holds.onDrive(drive.name).size > 1
  const chosen = chooseNextVolume(view, unit, need, { drive, volumeId: medium.volumeId, isShared }, rules)
  if ('blockers' in chosen)
    return { denial: { possible: !chosen.isNone || whenNone === 'wait', blockers: chosen.blockers } }
  const { volume } = chosen
  const begun: AllocatedMedium = {
    kind: 'tape',
    maxFragmentBytes,
    drive: chosen.drive.name,
    volumeId: volume.volumeId,
    volumePool: need.volumePool,
    ...(group === undefined ? {} : { multiplex: { group: request.allocationId, most, succeeds: group } }),
  }
  return exchange(view, request, ended, begun, rules, volume)
}

function exchange(
  view: InventoryView,
  { allocationId, jobId, need, flow }: ExchangeRequest,
  ended: Held,
  medium: Extract<AllocatedMedium, { kind: 'tape' }>,
  { now }: Rules,
  taken?: Volume,
): Exchange {
  const { storageUnit, mediaServer, medium: before, further } = ended.allocation
  const allocation: Allocation = {
    allocationId,
    jobId,
    storageUnit,
    mediaServer,
    purpose: 'write',
    medium,
    since: now,
    replaces: need.replaces,
    ...(further === undefined ? {} : { further }),
  }
  const held: Held = flow === undefined ? { allocation, need } : { allocation, need, flow }
  const selection = view.nextSelection()
  // The old one first: the drive is never counted twice.
  const batch: Change[] = [
    { table: 'allocations', key: need.replaces, value: undefined },
    { table: 'allocations', key: allocationId, value: held },
    { table: 'selections', key: `unit:${storageUnit}`, value: selection },
    { table: 'selections', key: `drive:${medium.drive}`, value: selection },
    ...inFirstOf(view, ended.allocation, allocation),
  ]
  const full = before.kind === 'tape' ? view.volumes.get(before.volumeId) : undefined
  if (full?.state === 'active')
    batch.push({ table: 'volumes', key: full.volumeId, value: inState(full, 'full', undefined) })
  if (taken !== undefined && taken.pool !== need.volumePool)
    batch.push({
      table: 'volumes',
      key: taken.volumeId,
      value: { ...taken, pool: need.volumePool, scratchPool: taken.pool },
    })
  return { held, ended, batch }
}

function endedOf(view: InventoryView, { jobId, need }: ExchangeRequest): Held {
  const held = view.allocations.get(need.replaces)
  if (held?.allocation.jobId === jobId) return held
  throw new NbError('not-found', `job ${jobId} holds no allocation ${need.replaces} that could be replaced`, {
    details: { allocationId: need.replaces, jobId },
  })
}

/** Of several copies the first names the others: it names the new one from now on. */
function inFirstOf(
  view: InventoryView,
  { allocationId, jobId }: Allocation,
  next: Allocation,
): readonly Change[] {
  for (const [key, held] of view.allocations) {
    const { allocation } = held
    if (allocation.jobId !== jobId || allocation.further === undefined) continue
    if (!allocation.further.some((each) => each.allocationId === allocationId)) continue
    const further = allocation.further.map((each) => (each.allocationId === allocationId ? next : each))
    return [{ table: 'allocations', key, value: { ...held, allocation: { ...allocation, further } } }]
  }
  return []
}
