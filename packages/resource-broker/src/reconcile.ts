import type { Allocation } from '@nb/contracts'
import type { LeaseRecord } from './lease-store.ts'

/** What only one side knows. */
export interface Differences<Lease extends LeaseRecord> {
  readonly orphanedAllocations: readonly Allocation[]
  readonly orphanedLeases: readonly Lease[]
}

/** Compares leases with the media manager's allocations, by allocation id. */
export function differences<Lease extends LeaseRecord>(
  leases: readonly Lease[],
  allocations: readonly Allocation[],
): Differences<Lease> {
  const leased = new Set(
    leases.flatMap(({ allocation: { allocationId, further = [] } }) => [
      allocationId,
      ...further.map((each) => each.allocationId),
    ]),
  )
  const allocated = new Set(allocations.map(({ allocationId }) => allocationId))
  return {
    orphanedAllocations: allocations.filter(({ allocationId }) => !leased.has(allocationId)),
    orphanedLeases: leases.filter(({ allocation }) => !allocated.has(allocation.allocationId)),
  }
}
