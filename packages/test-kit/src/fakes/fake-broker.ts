import {
  type Allocation,
  type Blocker,
  type CallOptions,
  type Clock,
  type Explanation,
  type Grant,
  type JobLog,
  type JobLogLine,
  type ResourceBroker,
  type ResourceRequest,
  NbError,
} from '@nb/contracts'

/** A disk storage unit of a {@link FakeBroker}. */
export interface FakeStorageUnit {
  readonly name: string
  readonly mediaServer: string
  /** Most grants at once, for writing and for reading each. */
  readonly slots: number
}

/** Options of {@link createFakeBroker}. */
export interface FakeBrokerOptions {
  /** What its leases run by. */
  readonly clock: Clock
  /** Where it leaves its lines. */
  readonly log: JobLog
  /** What it has to give, at least one. */
  readonly units: readonly FakeStorageUnit[]
  /** How long a lease lasts unless renewed, milliseconds. @default 60000 */
  readonly leaseMs?: number
}

/** A broker in memory that keeps its port's obligations for disk, and lets a test take a lease away. */
export interface FakeBroker extends ResourceBroker {
  /** The grants in force. */
  readonly inForce: readonly Grant[]
  /** The requests that wait, in order of service. */
  readonly waiting: readonly ResourceRequest[]
  /** Takes a lease back, as if its time had run out. */
  expire(leaseId: string): void
  /** Drops all requests that wait, as when the connection of those who asked is gone. */
  hangUp(): void
}

interface Waiter {
  request: ResourceRequest
  readonly since: number
  readonly order: number
  readonly resolve: (grant: Grant) => void
  readonly reject: (error: Error) => void
}

interface Held {
  grant: Grant
  readonly request: ResourceRequest
  readonly cancelTimer: () => void
}

/** Makes one. */
export function createFakeBroker({ clock, log, units, leaseMs = 60_000 }: FakeBrokerOptions): FakeBroker {
  const held = new Map<string, Held>()
  const waiters: Waiter[] = []
  let count = 0

  const tell = (component: string, request: ResourceRequest, number: number, text: string): void => {
    const flow = request.jobType === 'restore' ? 'restore' : 'backup'
    const line: JobLogLine = { time: clock.now(), component, severity: 'info', step: { flow, number }, text }
    void log.append({ jobId: request.jobId, lines: [line] })
  }
  const purposeOf = (request: ResourceRequest): 'read' | 'write' => request.need.kind
  const candidates = ({ need }: ResourceRequest): readonly FakeStorageUnit[] =>
    need.kind === 'read'
      ? units.filter(({ name }) => name === need.storageUnit)
      : need.storage.kind === 'any'
        ? units
        : units.filter(({ name }) => need.storage.kind === 'unit' && name === need.storage.name)
  const using = (unit: string, purpose: 'read' | 'write'): readonly Held[] =>
    [...held.values()].filter(
      ({ grant: { allocation } }) => allocation.storageUnit === unit && allocation.purpose === purpose,
    )
  const limitReached = ({ limits, policy, client }: ResourceRequest): Blocker | undefined => {
    const all = [...held.values()]
    const ofPolicy = all.filter(({ request }) => policy !== undefined && request.policy === policy)
    const ofClient = all.filter(({ request }) => request.client === client)
    const clientLimit = limits.maxJobsThisClient ?? limits.maxJobsPerClient
    if (limits.maxJobsPerPolicy !== undefined && ofPolicy.length >= limits.maxJobsPerPolicy)
      return blocker('policy-limit', policy ?? '', limits.maxJobsPerPolicy, ofPolicy)
    if (clientLimit !== undefined && ofClient.length >= clientLimit)
      return blocker('client-limit', client, clientLimit, ofClient)
    return undefined
  }
  const blockersOf = (request: ResourceRequest): readonly Blocker[] => {
    const limit = limitReached(request)
    if (limit !== undefined) return [limit]
    const full = candidates(request).map((unit) => ({ unit, users: using(unit.name, purposeOf(request)) }))
    if (full.some(({ unit, users }) => users.length < unit.slots)) return []
    return full.map(({ unit, users }) => blocker('storage-unit-limit', unit.name, unit.slots, users))
  }
  const give = (request: ResourceRequest): Grant => {
    const purpose = purposeOf(request)
    const unit = candidates(request).find(({ name, slots }) => using(name, purpose).length < slots)
    if (unit === undefined) throw new Error('granted although nothing was free')
    count += 1
    const allocation: Allocation = {
      allocationId: `allocation-${count}`,
      jobId: request.jobId,
      storageUnit: unit.name,
      mediaServer: unit.mediaServer,
      purpose,
      medium: { kind: 'disk', maxFragmentBytes: 2 ** 30 },
      since: clock.now(),
    }
    const grant = { leaseId: `lease-${count}`, expiresAt: clock.now() + leaseMs, allocation }
    held.set(grant.leaseId, { grant, request, cancelTimer: expiryTimer(grant.leaseId) })
    if (request.jobType === 'restore') {
      tell('emm', request, 10, `allocated storage unit ${unit.name}`)
      tell('resource-broker', request, 11, `granted storage unit ${unit.name}`)
    } else tell('emm', request, 5, `allocated storage unit ${unit.name}`)
    return grant
  }
  const expiryTimer = (leaseId: string): (() => void) => clock.setTimer(leaseMs, () => broker.expire(leaseId))
  const serve = (): void => {
    waiters.sort((a, b) => b.request.priority - a.request.priority || a.order - b.order)
    for (const waiter of [...waiters]) {
      if (!waiters.includes(waiter) || blockersOf(waiter.request).length > 0) continue
      waiters.splice(waiters.indexOf(waiter), 1)
      waiter.resolve(give(waiter.request))
    }
  }
  const giveBack = (leaseId: string): Held | undefined => {
    const found = held.get(leaseId)
    if (found === undefined) return undefined
    found.cancelTimer()
    held.delete(leaseId)
    return found
  }
  const explainBlockers = (jobId: string, waiter: Waiter | undefined): Explanation => {
    if (waiter === undefined)
      return { jobId, waiting: false, blockers: [], sentence: `Job ${jobId} does not wait.` }
    const blockers = blockersOf(waiter.request)
    const sentence = `Job ${jobId} waits for ${blockers.map(({ name }) => name).join(', ')}.`
    return { jobId, waiting: true, since: waiter.since, blockers, sentence }
  }

  const broker: FakeBroker = {
    acquire: async (request, options) => {
      options?.signal?.throwIfAborted()
      const again = [...held.values()].find((each) => each.request.requestId === request.requestId)
      if (again !== undefined) return again.grant
      if (candidates(request).length === 0)
        throw new NbError('request-impossible', 'no such storage unit is configured')
      tell(
        'resource-broker',
        request,
        request.jobType === 'restore' ? 10 : 4,
        'requesting physical resources',
      )
      return new Promise((resolve, reject) => {
        const old = waiters.findIndex(({ request: { requestId } }) => requestId === request.requestId)
        if (old >= 0) waiters.splice(old, 1)
        const onAbort = (): void => {
          const at = waiters.indexOf(waiter)
          if (at >= 0) waiters.splice(at, 1)
          reject(new NbError('request-cancelled', 'the request was cancelled'))
        }
        const waiter: Waiter = {
          request,
          since: clock.now(),
          order: count++,
          reject,
          resolve: (grant) => {
            options?.signal?.removeEventListener('abort', onAbort)
            resolve(grant)
          },
        }
        options?.signal?.addEventListener('abort', onAbort, { once: true })
        waiters.push(waiter)
        serve()
      })
    },
    renew: async ({ leaseId }) => {
      const found = held.get(leaseId)
      if (found === undefined) throw new NbError('lease-expired', `lease ${leaseId} is gone`)
      found.cancelTimer()
      const expiresAt = clock.now() + leaseMs
      held.set(leaseId, { ...found, grant: { ...found.grant, expiresAt }, cancelTimer: expiryTimer(leaseId) })
      return { expiresAt }
    },
    release: async ({ leaseId }) => {
      const found = giveBack(leaseId)
      if (found === undefined) return
      tell(
        'resource-broker',
        found.request,
        16,
        `released storage unit ${found.grant.allocation.storageUnit}`,
      )
      serve()
    },
    setPriority: async ({ jobId, priority }) => {
      for (const waiter of waiters) {
        if (waiter.request.jobId === jobId) waiter.request = { ...waiter.request, priority }
      }
      serve()
    },
    deny: async ({ jobId }) => {
      // Its disks are all there: nobody waits for a volume.
      throw new NbError('not-found', `Job ${jobId} asks for no volume.`, { details: { jobId } })
    },
    explain: async ({ jobId }) =>
      explainBlockers(
        jobId,
        waiters.find(({ request }) => request.jobId === jobId),
      ),
    queue: async function* ({ limit = Infinity }) {
      for (const { request, since } of waiters.slice(0, limit))
        yield { request, since, passedBy: 0, blockers: blockersOf(request) }
    },
    grants: async function* ({ jobId }, options?: CallOptions) {
      for (const { grant } of [...held.values()]) {
        options?.signal?.throwIfAborted()
        if (jobId === undefined || grant.allocation.jobId === jobId) yield grant
      }
    },
    reconcile: async ({ repair }) => ({ orphanedAllocations: [], orphanedLeases: [], repaired: repair }),
    get inForce() {
      return [...held.values()].map(({ grant }) => grant)
    },
    get waiting() {
      return waiters.map(({ request }) => request)
    },
    hangUp: () => {
      for (const { reject } of waiters.splice(0))
        reject(new NbError('request-cancelled', 'whoever asked is gone'))
    },
    expire: (leaseId) => {
      if (giveBack(leaseId) !== undefined) serve()
    },
  }
  return broker
}

function blocker(kind: Blocker['kind'], name: string, limit: number, users: readonly Held[]): Blocker {
  return {
    kind,
    name,
    reason: 2040,
    limit,
    inUse: users.length,
    holders: users.map(({ grant: { allocation } }) => ({ jobId: allocation.jobId, since: allocation.since })),
    goesOnWhen: 'one of the jobs ends',
  }
}
