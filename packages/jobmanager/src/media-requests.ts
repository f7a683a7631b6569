import {
  type Allocation,
  type Grant,
  type MediaNeed,
  type MediaAnswer,
  type MediaRequest,
  NbError,
  type SingleAllocation,
  asNbError,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { describeRequest } from './flow-lines.ts'
import { closeVolume } from './images-on-volumes.ts'
import type { JobRecord } from './job-record.ts'
import { attempt, retrying, unlessAborted } from './patience.ts'
import { noRows, valueAt } from './rows.ts'
import { type RunningJob, sayInLog } from './running-job.ts'
import { endSession, unknownServer } from './session-calls.ts'

/** Answers the media requests of sessions (step 9 of a backup, 7–11 of a restore). */
export interface MediaRequests {
  /**
   * Takes a request. Resolves when it is noted, so that a restart answers it; the answer goes to the media server by
   * itself. `job` is the backup that owns the session.
   */
  take(input: MediaRequest, job: RunningJob | undefined): Promise<void>
  /** Gives up what a session of a job still waits for, and gives back what it was granted for itself (step 16). */
  sessionOver(jobId: string, sessionId: string): Promise<void>
  /** Answers what the job's sessions still wait for with this reason. */
  refuse(jobId: string, reason: NbError): void
  /** Resolves when no answer is under way. */
  settled(): Promise<void>
}

/** A request whose answer is under way. */
class PendingRequest {
  readonly input: MediaRequest
  /** By what it is known in the record of its job. */
  readonly key: string
  /** Resolves when it is over. */
  done: Promise<void> = over
  #refusal: AbortController | undefined
  #reason: NbError | undefined

  constructor(input: MediaRequest, key: string) {
    this.input = input
    this.key = key
  }

  /** Aborts when it is refused; most requests are answered without anything that could be. */
  get signal(): AbortSignal {
    this.#refusal ??= new AbortController()
    if (this.#reason !== undefined) this.#refusal.abort(this.#reason)
    return this.#refusal.signal
  }

  refuse(reason: NbError): void {
    this.#reason ??= reason
    this.#refusal?.abort(this.#reason)
  }
}

const over = Promise.resolve()
const noRequests: readonly PendingRequest[] = []

/** Makes what answers media requests. */
export function createMediaRequests(parts: ManagerParts): MediaRequests {
  const pending = new Map<string, readonly PendingRequest[]>()
  const ofJob = (jobId: string): readonly PendingRequest[] => pending.get(jobId) ?? noRequests
  const isPending = (jobId: string, key: string): boolean => ofJob(jobId).some((each) => each.key === key)
  const begin = (request: PendingRequest, job: RunningJob | undefined): void => {
    const { jobId } = request.input
    const others = ofJob(jobId)
    pending.set(jobId, others.length === 0 ? [request] : [...others, request])
    request.done = answer(parts, request, job).finally(() => {
      const left = ofJob(jobId).filter((each) => each !== request)
      if (left.length === 0) pending.delete(jobId)
      else pending.set(jobId, left)
    })
  }

  return {
    take: (input, job) => {
      const { jobId } = input
      const key = holdingKey(input)
      if (isPending(jobId, key)) return over
      return parts.store.apply(jobId, { kind: 'media-asked', request: key, input }).then(() => {
        if (!isPending(jobId, key)) begin(new PendingRequest(input, key), job)
      })
    },
    sessionOver: async (jobId, sessionId) => {
      const waiting = ofJob(jobId).filter(({ input }) => input.sessionId === sessionId)
      const ended = new NbError('session-unknown', `session ${sessionId} has ended`)
      for (const request of waiting) request.refuse(ended)
      await Promise.all(waiting.map(({ done }) => done))
      for (const { key } of parts.store.current(jobId)?.sessionHoldings ?? noRows)
        if (key.startsWith(`${sessionId}/`)) await giveBack(parts, jobId, key)
    },
    refuse: (jobId, reason) => {
      for (const request of ofJob(jobId)) request.refuse(reason)
    },
    settled: async () => {
      while (pending.size > 0) await Promise.all([...pending.values()].flat().map(({ done }) => done))
    },
  }
}

function answer(parts: ManagerParts, request: PendingRequest, job: RunningJob | undefined): Promise<void> {
  const { input, key } = request
  try {
    const record = mayHave(parts, input.jobId)
    const allocation = heldFor(parts, record, key)
    if (allocation !== undefined) return deliver(parts, request, job, { granted: true, allocation })
    return acquire(parts, request, record, job).then(
      (acquired) => deliver(parts, request, job, { granted: true, allocation: acquired }),
      (error: unknown) => deny(parts, request, job, asNbError(error)),
    )
  } catch (error) {
    return deny(parts, request, job, asNbError(error))
  }
}

async function deny(
  parts: ManagerParts,
  request: PendingRequest,
  job: RunningJob | undefined,
  { code, status, message }: NbError,
): Promise<void> {
  if (code === 'session-unknown') return
  const { store, clock, log } = parts
  await sayInLog(store, clock, log, request.input.jobId, `resource not granted: ${message}`, {
    severity: 'error',
    data: { code, status },
  })
  await deliver(parts, request, job, { granted: false, status, text: message })
}

function deliver(
  parts: ManagerParts,
  { input, key }: PendingRequest,
  job: RunningJob | undefined,
  reply: MediaAnswer,
): Promise<void> {
  const { store, clock, mediaServers } = parts
  const { jobId, sessionId, requestId, mediaServer } = input
  const server = mediaServers.get(mediaServer)
  if (server === undefined) return notDelivered(parts, input, job, unknownServer(mediaServer))
  return (
    retrying(clock, 4, () => server.grantMedia({ sessionId, requestId, answer: reply }))
      // After a crash it is answered again, which the session knows.
      .then(() => store.note(jobId, { kind: 'media-answered', request: key }))
      .catch((error: unknown) => notDelivered(parts, input, job, error))
  )
}

async function notDelivered(
  parts: ManagerParts,
  { jobId, sessionId, mediaServer }: MediaRequest,
  job: RunningJob | undefined,
  error: unknown,
): Promise<void> {
  const failure = asNbError(error, 'media-server-unreachable')
  parts.log.error('the answer to session %s did not arrive: %o', sessionId, error)
  // The session, or the job with it, has come to its end meanwhile.
  const phase = parts.store.current(jobId)?.phase
  if (isNotWanted(failure) || phase === undefined || phase === 'ended') return
  if (job !== undefined) job.endWith(failure)
  else await endSession(parts, mediaServer, { sessionId, status: failure.status, reason: failure.message })
}

/** The session is gone, or waits for another request by now. */
function isNotWanted({ code }: NbError): boolean {
  return code === 'session-unknown' || code === 'not-found'
}

/** The record of a job that may be given media. */
function mayHave({ store }: ManagerParts, jobId: string): JobRecord {
  const record = store.current(jobId)
  if (record === undefined) throw new NbError('session-unknown', `job ${jobId} has ended`)
  if (record.cancel !== undefined) throw new NbError('job-cancelled', record.cancel.reason)
  return record
}

/** What is held for a request already: a backup's first medium is its job's own grant. */
function heldFor({ store }: ManagerParts, record: JobRecord, key: string): Allocation | undefined {
  if (record.held === undefined || record.heldFor !== key)
    return valueAt(record.sessionHoldings, key)?.allocation
  store.show(record.id, { operation: 'mounting' })
  return record.held.allocation
}

/** Everything else is asked of the broker. */
async function acquire(
  parts: ManagerParts,
  asked: PendingRequest,
  record: JobRecord,
  job: RunningJob | undefined,
): Promise<Allocation> {
  const { input, key } = asked
  const { broker, store, clock, log } = parts
  const { id, type, priority, client, policy } = record
  const need = await goingOn(parts, record, input.need)
  const goesOn = need.kind === 'write' && need.replaces !== undefined
  const request = {
    requestId: `job-${id}/${key}`,
    jobId: id,
    jobType: type,
    priority,
    client,
    limits: {},
    need,
    ...(policy === undefined ? {} : { policy }),
  }
  const step = type === 'restore' ? { step: { flow: 'restore', number: 9 } as const } : {}
  store.show(id, { operation: 'requesting-resources' })
  await sayInLog(store, clock, log, id, () => describeRequest(request), step)
  const signal = job === undefined ? asked.signal : AbortSignal.any([asked.signal, job.signal])
  // The next volume of an image comes on the lease that the job has: it goes with that.
  const release = ({ leaseId }: Grant): void => {
    if (!goesOn) void attempt(log, 'release of a late grant', () => broker.release({ leaseId }))
  }
  job?.asksForGrant()
  const grant = await unlessAborted(
    retrying(clock, 5, () => broker.acquire(request, { signal }), signal),
    signal,
    release,
  )
  const { leaseId, expiresAt, allocation } = grant
  try {
    await store.apply(id, { kind: 'leased', request: key, holding: { leaseId, allocation } })
    job?.notedGrant()
  } catch (error) {
    release(grant)
    throw error
  }
  parts.leases.keep({ leaseId, expiresAt }, (reason) => void loseLease(parts, input, job, reason))
  store.show(id, { operation: 'mounting' })
  return allocation
}

/**
 * What is asked of the broker where a session goes on from an allocation. To read, that is given back first: whoever waits holds nothing. To
 * write, its volume is full now, and the next one takes its place.
 */
async function goingOn(parts: ManagerParts, record: JobRecord, need: MediaNeed): Promise<MediaNeed> {
  const { replaces } = need
  if (replaces === undefined) return need
  if (need.kind === 'read') {
    const { replaces: _givenBack, ...rest } = need
    const row = record.sessionHoldings.find(({ value }) => value.allocation.allocationId === replaces)
    if (row !== undefined) await giveBack(parts, record.id, row.key)
    return rest
  }
  const ended = allocationOf(record, replaces)
  if (ended !== undefined) await closeVolume(parts, record, ended, need.retentionLevel)
  return need
}

/** What the job or its sessions were granted under that id. */
function allocationOf({ held, sessionHoldings }: JobRecord, id: string): SingleAllocation | undefined {
  const holdings = [...(held === undefined ? [] : [held]), ...sessionHoldings.map(({ value }) => value)]
  return holdings
    .flatMap(({ allocation }): readonly SingleAllocation[] => [allocation, ...(allocation.further ?? [])])
    .find(({ allocationId }) => allocationId === id)
}

/** Keeps the leases of a job's sessions again after a restart; each is renewed at once. */
export function keepSessionLeases(
  parts: ManagerParts,
  record: JobRecord,
  mediaServerOfSession: (sessionId: string) => string | undefined,
): void {
  for (const { key, value } of record.sessionHoldings) {
    const { leaseId } = value
    const [sessionId = '', requestId = ''] = splitKey(key)
    const mediaServer = mediaServerOfSession(sessionId)
    if (mediaServer === undefined) continue
    parts.leases.keep({ leaseId, expiresAt: parts.clock.now() }, (reason) => {
      void loseLease(parts, { jobId: record.id, sessionId, requestId, mediaServer }, undefined, reason)
    })
  }
}

async function loseLease(
  parts: ManagerParts,
  input: Omit<MediaRequest, 'need'>,
  job: RunningJob | undefined,
  reason: NbError,
): Promise<void> {
  const { jobId, sessionId, mediaServer } = input
  const { status, message } = reason
  await sayInLog(parts.store, parts.clock, parts.log, jobId, message, { severity: 'error', data: { status } })
  if (job !== undefined) {
    job.endWith(reason)
    return
  }
  await endSession(parts, mediaServer, { sessionId, status, reason: message })
  await giveBack(parts, jobId, holdingKey(input))
}

async function giveBack(
  { broker, store, leases, clock, log }: ManagerParts,
  jobId: string,
  key: string,
): Promise<void> {
  const holding = valueAt(store.current(jobId)?.sessionHoldings ?? noRows, key)
  if (holding === undefined) return
  const { leaseId } = holding
  leases.letGo(leaseId)
  const released = await attempt(log, `release of lease ${leaseId}`, () =>
    retrying(clock, 4, () => broker.release({ leaseId })),
  )
  // A lease that could not be released stays noted: the end of the job tries again.
  if (released)
    await attempt(log, 'note of a release', () => store.apply(jobId, { kind: 'unleased', request: key }))
}

function holdingKey({ sessionId, requestId }: Pick<MediaRequest, 'sessionId' | 'requestId'>): string {
  // A media server may have put its session's name into the request's.
  return requestId.startsWith(`${sessionId}/`) ? requestId : `${sessionId}/${requestId}`
}

/** The session of a holding's key. */
export function sessionOfHolding(key: string): string {
  return splitKey(key)[0]
}

function splitKey(key: string): readonly [sessionId: string, requestId: string] {
  const at = key.indexOf('/')
  return [key.slice(0, at), key.slice(at + 1)]
}
