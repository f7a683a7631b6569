import { type Allocation, type AllocationRequest, type MediaNeed, NbError } from '@nb/contracts'
import { checkBoolean, checkName, checkOneOf } from './argument-checks.ts'
import type { Choice } from './decide-allocation.ts'
import type { Change, InventoryView } from './inventory.ts'
import type { Held } from './held.ts'
import { validNeed } from './valid-configuration.ts'

/**
 * The allocation that answers a request already. Throws `request-duplicate` when its id names another job's
 * allocation or one for another need.
 */
export function findAllocation(view: InventoryView, request: AllocationRequest): Allocation | undefined {
  const held = view.allocations.get(request.allocationId)
  if (held === undefined) return undefined
  const { allocation, need } = held
  if (
    allocation.jobId === request.jobId &&
    JSON.stringify(sameNeed(need)) === JSON.stringify(sameNeed(request.need))
  )
    return allocation
  throw new NbError(
    'request-duplicate',
    `allocation ${request.allocationId} is held by job ${allocation.jobId} for another request`,
    { details: { allocationId: request.allocationId, jobId: allocation.jobId } },
  )
}

/** A need without what is only an estimate. */
function sameNeed(need: MediaNeed): MediaNeed {
  if (need.kind === 'read' || need.expectedBytes === undefined) return need
  const { expectedBytes: _estimate, ...known } = need
  return known
}

/** What a choice changes: the allocation itself, a volume taken out of scratch, who was chosen last. */
export function allocationChanges(
  view: InventoryView,
  request: Pick<AllocationRequest, 'allocationId' | 'jobId' | 'need' | 'flow'>,
  { unit, medium: chosen, beginsGroup, takenFromScratch }: Choice,
  now: number,
): { readonly held: Held; readonly batch: readonly Change[] } {
  const { allocationId, jobId, need, flow } = request
  const medium =
    chosen.kind === 'tape' && beginsGroup !== undefined
      ? { ...chosen, multiplex: { group: allocationId, most: beginsGroup.most } }
      : chosen
  const allocation: Allocation = {
    allocationId,
    jobId,
    storageUnit: unit.name,
    mediaServer: unit.mediaServer,
    purpose: need.kind,
    medium,
    since: now,
  }
  const held: Held = flow === undefined ? { allocation, need } : { allocation, need, flow }
  const selection = view.nextSelection()
  const batch: Change[] = [
    { table: 'allocations', key: allocationId, value: held },
    { table: 'selections', key: `unit:${unit.name}`, value: selection },
  ]
  if (medium.kind === 'disk') return { held, batch }

  batch.push({ table: 'selections', key: `drive:${medium.drive}`, value: selection })
  const volume = view.volumes.get(medium.volumeId)
  if (takenFromScratch !== undefined && volume !== undefined)
    batch.push({
      table: 'volumes',
      key: medium.volumeId,
      value: { ...volume, pool: takenFromScratch, scratchPool: volume.pool },
    })
  return { held, batch }
}

/** The request, checked. Throws `argument-invalid`. */
export function validRequest(input: AllocationRequest): AllocationRequest {
  checkName('allocationId', input.allocationId)
  checkName('jobId', input.jobId)
  if (input.flow !== undefined) checkOneOf('flow', input.flow, ['backup', 'restore'])
  if (input.othersWait !== undefined) checkBoolean('othersWait', input.othersWait)
  return { ...input, need: validNeed(input.need) }
}
