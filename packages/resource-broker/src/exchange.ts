import { type Allocation, NbError, type ResourceRequest, type SingleAllocation } from '@nb/contracts'
import { allocationIdOf } from './request.ts'

/** A request whose image goes on at the end of a volume. */
export function replacedBy({ need }: Pick<ResourceRequest, 'need'>): string | undefined {
  return need.kind === 'write' ? need.replaces : undefined
}

/** The allocation of that id among those of a lease. */
export function partOf(allocation: Allocation, allocationId: string): SingleAllocation | undefined {
  if (allocation.allocationId === allocationId) return allocation
  return allocation.further?.find((each) => each.allocationId === allocationId)
}

/** What a lease holds once one of its allocations has been replaced. */
export function withNext(held: Allocation, next: Allocation): Allocation {
  const { further } = held
  const { replaces } = next
  // The others stay with the first, whichever it is.
  if (held.allocationId === replaces) return further === undefined ? next : { ...next, further }
  if (further === undefined) return held
  return { ...held, further: further.map((each) => (each.allocationId === replaces ? next : each)) }
}

/**
 * What an exchange that was done already has brought; `undefined` before it. Throws `request-duplicate` where the id stands for
 * another request.
 */
export function exchanged(held: Allocation, request: ResourceRequest): SingleAllocation | undefined {
  const part = partOf(held, allocationIdOf(request.requestId))
  if (part === undefined || part.replaces === replacedBy(request)) return part
  throw new NbError(
    'request-duplicate',
    `request ${request.requestId} is already another one of job ${request.jobId}; use a new id for a new request`,
    { details: { requestId: request.requestId, jobId: request.jobId } },
  )
}

/** `lease-expired`: there is nothing left that the next volume could take the place of. */
export function nothingToReplace({ requestId, jobId }: ResourceRequest, replaces: string): NbError {
  return new NbError(
    'lease-expired',
    `job ${jobId} holds no allocation ${replaces} any more, so request ${requestId} can't take its place`,
    { details: { jobId, requestId, allocationId: replaces } },
  )
}

/**
 * Allocations that took the place of another in a lease, which does not name them yet: the write of the lease failed, or the answer of the
 * media manager was lost.
 */
export function takenPlaces<Lease extends { readonly allocation: Allocation }>(
  leases: readonly Lease[],
  allocations: readonly Allocation[],
): readonly { readonly lease: Lease; readonly allocation: Allocation }[] {
  const byReplaced = new Map(
    allocations.flatMap((each) => (each.replaces === undefined ? [] : [[each.replaces, each] as const])),
  )
  if (byReplaced.size === 0) return []
  const known = new Set(allocations.map(({ allocationId }) => allocationId))
  return leases.flatMap((lease) =>
    [lease.allocation, ...(lease.allocation.further ?? [])].flatMap(({ allocationId }) => {
      const allocation = known.has(allocationId) ? undefined : byReplaced.get(allocationId)
      return allocation === undefined ? [] : [{ lease, allocation }]
    }),
  )
}
