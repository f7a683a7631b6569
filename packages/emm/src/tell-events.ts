import type { Drive, MediaManagerEvents, StorageUnit, Volume } from '@nb/contracts'
import type { Change } from './inventory.ts'
import type { Held } from './held.ts'

/** Emits an event of a media manager. */
export type Emit = <Name extends keyof MediaManagerEvents>(
  name: Name,
  payload: MediaManagerEvents[Name],
) => unknown

/** Tells what a change means, whoever made it. What replaces nothing changes no state. */
export function tellEvents(emit: Emit, change: Change, before: unknown): void {
  switch (change.table) {
    case 'units':
    case 'mediaServers':
    case 'drives':
      tellState(emit, change, before as { readonly state: string } | undefined)
      break
    case 'volumes':
      if (before !== undefined && change.value !== undefined) tellVolume(emit, before as Volume, change.value)
      break
    case 'allocations':
      tellAllocation(emit, before as Held | undefined, change.value)
      break
    default:
      break
  }
}

function tellState(
  emit: Emit,
  change: Extract<Change, { readonly table: 'units' | 'mediaServers' | 'drives' }>,
  before: { readonly state: string } | undefined,
): void {
  const { value: after, key: name } = change
  if (before === undefined || after === undefined || before.state === after.state) return
  const reason = reasonOf(after)
  if (change.table === 'drives') emit('drive:state', { name, state: (after as Drive).state, ...reason })
  else {
    const { state } = after as StorageUnit
    emit(change.table === 'units' ? 'storage-unit:state' : 'media-server:state', { name, state, ...reason })
  }
}

function tellVolume(emit: Emit, before: Volume, after: Volume): void {
  const { volumeId, state, pool, retentionLevel = 0 } = after
  if (before.assignedAt === undefined && after.assignedAt !== undefined)
    emit('volume:assigned', { volumeId, retentionLevel })
  if (before.assignedAt !== undefined && after.assignedAt === undefined)
    emit('volume:unassigned', { volumeId, pool })
  if (before.state !== state) emit('volume:state', { volumeId, state, ...reasonOf(after) })
}

function tellAllocation(emit: Emit, before: Held | undefined, after: Held | undefined): void {
  if (before === undefined && after !== undefined) emit('allocation:made', { allocation: after.allocation })
  if (before === undefined || after !== undefined) return
  const { allocationId, jobId } = before.allocation
  emit('allocation:released', { allocationId, jobId })
}

const reasonOf = ({ stateReason }: { readonly stateReason?: string }): { readonly reason?: string } =>
  stateReason === undefined ? {} : { reason: stateReason }
