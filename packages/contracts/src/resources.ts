import type { CallOptions } from './call-options.ts'
import type { JobType } from './job.ts'
import type { JobLimits } from './job-limits.ts'
import type { StorageChoice } from './policy.ts'

/** What a job needs of media: somewhere to write, or the very medium to read. */
export type MediaNeed =
  | {
      readonly kind: 'write'
      readonly storage: StorageChoice
      readonly volumePool: string
      readonly retentionLevel: number
      /** Most jobs that may share a drive with this one, 1–32. @default 1 */
      readonly multiplexing?: number
      /** It goes on with an image whose volume has come to its end: an empty volume is preferred. @default false */
      readonly continues?: boolean
      /**
       * The allocation of the same job whose volume has come to its end, and which this one takes the place of: its drive counts as free for
       * this request, no limit counts it twice, and it ends with the grant, its volume being full from then on. The lease stays. Of jobs that
       * shared the drive the first begins a new group there, and the others join just that.
       */
      readonly replaces?: string
      /**
       * How much it is expected to write: room on disks that jobs compete for is given by it. An estimate alone makes no request
       * impossible, and is no part of what a request is known by. @default unknown
       */
      readonly expectedBytes?: number
      /** Further copies that are written at once with it, on storage units of the same media server: all are granted, or none. */
      readonly further?: readonly FurtherNeed[]
    }
  /** `volumeId` for tape. */
  | {
      readonly kind: 'read'
      readonly storageUnit: string
      readonly volumeId?: string
      /**
       * In a session's request: the allocation that it goes on from, whose medium it has let go of. It is given back first: whoever waits to
       * read holds nothing, so no two can wait for one another's volumes.
       */
      readonly replaces?: string
    }

/** What a further copy needs, which is written at once with another. */
export interface FurtherNeed {
  readonly storage: StorageChoice
  readonly volumePool: string
  readonly retentionLevel: number
}

/** A job's request for resources. */
export interface ResourceRequest {
  /** Names this request for ever. */
  readonly requestId: string
  readonly jobId: string
  readonly jobType: JobType
  readonly priority: number
  readonly policy?: string
  readonly client: string
  readonly limits: JobLimits
  readonly need: MediaNeed
  /** When its wait began for whoever asks, milliseconds since the epoch: keeps its age over a restart. @default the time of the call */
  readonly queuedAt?: number
}

/** One storage unit, and what of it is set aside for one job. */
export interface SingleAllocation {
  readonly allocationId: string
  readonly jobId: string
  readonly storageUnit: string
  readonly mediaServer: string
  readonly purpose: 'read' | 'write'
  readonly medium: AllocatedMedium
  /** Since when, milliseconds since the epoch. */
  readonly since: number
  /** The allocation whose place it took when that one's volume had come to its end. */
  readonly replaces?: string
}

/** Real resources set aside for one job by the media manager. */
export interface Allocation extends SingleAllocation {
  /** What was set aside with it for further copies, in the order of the need. They are given back with it. */
  readonly further?: readonly SingleAllocation[]
}

/** The medium of an allocation. */
export type AllocatedMedium =
  /** `maxFragmentBytes` is the storage unit's. */
  | { readonly kind: 'disk'; readonly maxFragmentBytes: number }
  | {
      readonly kind: 'tape'
      readonly maxFragmentBytes: number
      readonly drive: string
      readonly volumeId: string
      readonly volumePool: string
      /**
       * The jobs that share drive and volume: their group, and how many it may have while this job is one of them; the
       * lowest of its members' numbers holds. Absent for a job of its own. `succeeds` names the group that went on as this one at the end
       * of its volume.
       */
      readonly multiplex?: { readonly group: string; readonly most: number; readonly succeeds?: string }
    }

/** An allocation held on a lease: whoever holds it renews it, or it is taken back. */
export interface Grant {
  readonly leaseId: string
  /** Taken back at this time unless renewed, milliseconds since the epoch. */
  readonly expiresAt: number
  readonly allocation: Allocation
}

/** What kind of thing a job waits for. */
export type BlockerKind =
  | 'policy-limit'
  | 'client-limit'
  | 'storage-unit-limit'
  | 'storage-unit-down'
  | 'storage-unit-full'
  | 'storage-unit-missing'
  | 'drive'
  | 'volume'
  | 'media-server'
  | 'robot'
  | 'not-configured'
  /** Held back for a job of higher rank that was passed by as often as is allowed. */
  | 'turn'
  /** The job itself waits: between two of its tries. */
  | 'retry-delay'
  /** The job is held until a person resumes it: suspended, or incomplete. */
  | 'suspension'

/** One true reason why a job waits now. */
export interface Blocker {
  readonly kind: BlockerKind
  /** The policy, client, storage unit, group, pool, drive, volume or job. */
  readonly name: string
  /** The storage unit whose use it stands in the way of, for all that is not a limit of policies and clients. */
  readonly storageUnit?: string
  /** The field's number for the reason, one of the 2000s where there is one. */
  readonly reason: number
  readonly limit?: number
  readonly inUse?: number
  /** Who holds it, oldest first: all of them, or the first 100; `inUse` counts all. */
  readonly holders: readonly { readonly jobId: string; readonly since: number }[]
  /** What would free it, as the end of the sentence "it goes on when …". */
  readonly goesOnWhen: string
  /** The volume that a person has to bring for it: while a request waits for that, it is a pending request to the operator. */
  readonly wanted?: WantedVolume
}

/** A volume that a person has to bring. */
export interface WantedVolume {
  /** Just this one, whose data is to be read; absent for any that the pool takes. */
  readonly volumeId?: string
  /** The pool whose volume it is, or is to be. */
  readonly pool: string
  readonly density: string
  /** The robot that it has to be put into; absent where drives stand alone. */
  readonly robot?: string
}

/** The answer to "why does it wait". */
export interface Explanation {
  readonly jobId: string
  readonly waiting: boolean
  /** Since when it waits, milliseconds since the epoch. */
  readonly since?: number
  /** At least one when waiting. */
  readonly blockers: readonly Blocker[]
  /** The same for a person. */
  readonly sentence: string
}

/** A storage unit that is kept for a waiting job which was passed by there as often as is allowed. */
export interface Turn {
  readonly storageUnit: string
  /** Whose turn it is. */
  readonly jobId: string
  /** Since when that job waits, milliseconds since the epoch. */
  readonly since: number
}

/** A waiting request, in the order of service. */
export interface QueuedRequest {
  readonly request: ResourceRequest
  readonly since: number
  /**
   * How often a request of lower rank was served from what this one waits for, while it was the first of those who wait
   * for the same and no limit of policies and clients stood in its way.
   */
  readonly passedBy: number
  readonly blockers: readonly Blocker[]
}

/** What differs between the broker's leases and the media manager's allocations. */
export interface ReconcileReport {
  /** Allocations in the media manager that no lease accounts for. */
  readonly orphanedAllocations: readonly Allocation[]
  /** Leases whose allocation the media manager does not know. */
  readonly orphanedLeases: readonly Grant[]
  readonly repaired: boolean
}

/**
 * Queues resource requests, applies limits and asks the media manager for real resources.
 *
 * Obligations: higher priority first, then age; a request of lower rank is served first only where the higher one could
 * not be served anyway, and that no more often than an option allows; no limit is ever exceeded; every waiting request
 * has at least one true blocker; a release wakes those it can help. Leases survive a crash until they expire or are released.
 */
export interface ResourceBroker {
  /**
   * Steps 3–5: pending until granted. Idempotent by `requestId`: while granted it answers with the same grant.
   * Aborted, it rejects when nothing is held (any more); over a wire, a grant that was on its way then stays until
   * its lease ends. Rejects with `request-impossible` where waiting can't help, `request-duplicate` when the id stands
   * for another request, `manager-stopping`. One that `replaces` an allocation is answered with that one's lease, in which the new one
   * stands from then on; it counts against no limit anew, and rejects with `lease-expired` where the job holds no such allocation.
   */
  acquire(input: ResourceRequest, options?: CallOptions): Promise<Grant>
  /** Prolongs a lease; gives its new end. Rejects with `lease-expired`. */
  renew(input: { readonly leaseId: string }, options?: CallOptions): Promise<{ readonly expiresAt: number }>
  /** Gives the resources back. Idempotent. */
  release(input: { readonly leaseId: string }, options?: CallOptions): Promise<void>
  /** Gives the waiting requests of a job another priority, 0–99999, and their new place. Nothing waits: nothing happens. */
  setPriority(
    input: { readonly jobId: string; readonly priority: number },
    options?: CallOptions,
  ): Promise<void>
  /**
   * An operator will not bring the volumes that requests of a job wait for (blockers with `wanted`): those requests reject with `request-denied`. Rejects with
   * `not-found` where none waits for that.
   */
  deny(input: { readonly jobId: string; readonly reason?: string }, options?: CallOptions): Promise<void>
  /** Why a job's request waits. A job without a waiting request gets `waiting: false`. */
  explain(input: { readonly jobId: string }, options?: CallOptions): Promise<Explanation>
  /** The waiting requests in order of service. */
  queue(input: { readonly limit?: number }, options?: CallOptions): AsyncIterable<QueuedRequest>
  /** The grants in force. */
  grants(input: { readonly jobId?: string }, options?: CallOptions): AsyncIterable<Grant>
  /** Compares leases with the media manager's allocations and, with `repair`, releases what only one side knows. */
  reconcile(input: { readonly repair: boolean }, options?: CallOptions): Promise<ReconcileReport>
}

/** Events of a resource broker. */
export interface ResourceBrokerEvents {
  /** When a request starts to wait. */
  'request:queued': { readonly requestId: string; readonly jobId: string }
  /** When a request was served before one of higher rank that waits for the same. */
  'request:passed-by': {
    readonly requestId: string
    readonly jobId: string
    readonly byJobId: string
    /** Such as `joins a multiplex group`, `its volume is mounted`. */
    readonly because: string
    readonly times: number
  }
  /** When resources are granted. */
  'allocation:granted': { readonly leaseId: string; readonly jobId: string; readonly allocation: Allocation }
  /** When resources are given back. */
  'allocation:released': {
    readonly leaseId: string
    readonly jobId: string
    readonly reason: 'released' | 'expired' | 'reconciled'
  }
}

/** The media process of a session asks for its media. */
export interface MediaRequest {
  /** Names this request for ever, within the session. */
  readonly requestId: string
  readonly sessionId: string
  readonly jobId: string
  readonly mediaServer: string
  /** The medium wanted: for a backup what its job was granted, for a restore exactly the medium that holds the data. */
  readonly need: MediaNeed
}

/** The answer to a {@link MediaRequest}. */
export type MediaAnswer =
  | { readonly granted: true; readonly allocation: Allocation }
  | { readonly granted: false; readonly status: number; readonly text: string }
