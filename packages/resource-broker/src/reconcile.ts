import type { Allocation } from '@nb/contracts'
import type { LeaseRecord } from './lease-store.ts'

/** What only one side knows. */
export interface Differences<Lease extends LeaseRecord> {
  readonly orphanedAllocations: readonly Allocation[]
  readonly orphanedLeases: readonly Lease[]
}

/**
 * Compares leases with the media manager's allocations, by allocation id. What took the place of an allocation in its lease is no
 * difference, though the lease may not name it yet.
 */
export function differences<Lease extends LeaseRecord>(
  leases: readonly Lease[],
  allocations: readonly Allocation[],
  taken: readonly { readonly lease: Lease; readonly allocation: Allocation }[] = [],
): Differences<Lease> {
  const leased = new Set(
    leases.flatMap(({ allocation: { allocationId, further = [] } }) => [
      allocationId,
      ...further.map((each) => each.allocationId),
    ]),
  )
  for (const { allocation } of taken) leased.add(allocation.allocationId)
  const goesOn = new Set(taken.map(({ lease }) => lease))
  const allocated = new Set(allocations.map(({ allocationId }) => allocationId))
  return {
    orphanedAllocations: allocations.filter(({ allocationId }) => !leased.has(allocationId)),
    orphanedLeases: leases.filter(
      (lease) => !goesOn.has(lease) && !allocated.has(lease.allocation.allocationId),
    ),
  }
}
