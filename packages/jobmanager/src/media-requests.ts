import {
  type Allocation,
  type Grant,
  type MediaAnswer,
  type MediaRequest,
  NbError,
  asNbError,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { describeRequest } from './flow-lines.ts'
import type { JobRecord } from './job-record.ts'
import { attempt, retrying, unlessAborted } from './patience.ts'
import { type RunningJob, sayInLog } from './running-job.ts'
import { endSession, mediaServerOf } from './session-calls.ts'

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

interface PendingRequest {
  readonly input: MediaRequest
  readonly refusal: AbortController
  readonly done: Promise<void>
}

/** Makes what answers media requests. */
export function createMediaRequests(parts: ManagerParts): MediaRequests {
  const pending = new Map<string, PendingRequest>()
  const ofJob = (jobId: string): PendingRequest[] =>
    [...pending.values()].filter(({ input }) => input.jobId === jobId)

  return {
    take: async (input, job) => {
      const request = holdingKey(input)
      const key = `${input.jobId}/${request}`
      if (pending.has(key)) return
      await parts.store.apply(input.jobId, { kind: 'media-asked', request, input })
      if (pending.has(key)) return
      const refusal = new AbortController()
      const done = answer(parts, input, job, refusal).finally(() => pending.delete(key))
      pending.set(key, { input, refusal, done })
    },
    sessionOver: async (jobId, sessionId) => {
      const waiting = ofJob(jobId).filter(({ input }) => input.sessionId === sessionId)
      const over = new NbError('session-unknown', `session ${sessionId} has ended`)
      for (const { refusal } of waiting) refusal.abort(over)
      await Promise.all(waiting.map(({ done }) => done))
      const holdings = Object.keys(parts.store.current(jobId)?.sessionHoldings ?? {})
      for (const key of holdings) if (key.startsWith(`${sessionId}/`)) await giveBack(parts, jobId, key)
    },
    refuse: (jobId, reason) => {
      for (const { refusal } of ofJob(jobId)) refusal.abort(reason)
    },
    settled: async () => {
      while (pending.size > 0) await Promise.all([...pending.values()].map(({ done }) => done))
    },
  }
}

async function answer(
  parts: ManagerParts,
  input: MediaRequest,
  job: RunningJob | undefined,
  refusal: AbortController,
): Promise<void> {
  const { mediaServers, clock, log } = parts
  const { sessionId, requestId, mediaServer } = input
  let reply: MediaAnswer
  try {
    reply = { granted: true, allocation: await obtain(parts, input, job, refusal) }
  } catch (error) {
    const { code, status, message } = asNbError(error)
    if (code === 'session-unknown') return
    reply = { granted: false, status, text: message }
    await sayInLog(parts.store, clock, log, input.jobId, `resource not granted: ${message}`, {
      severity: 'error',
      data: { code, status },
    })
  }
  try {
    const server = mediaServerOf(mediaServers, mediaServer)
    await retrying(clock, 4, () => server.grantMedia({ sessionId, requestId, answer: reply }))
    await parts.store.apply(input.jobId, { kind: 'media-answered', request: holdingKey(input) })
  } catch (error) {
    const failure = asNbError(error, 'media-server-unreachable')
    log.error('the answer to session %s did not arrive: %o', sessionId, error)
    // The session, or the job with it, has come to its end meanwhile.
    const phase = parts.store.current(input.jobId)?.phase
    if (failure.code === 'session-unknown' || phase === undefined || phase === 'ended') return
    if (job !== undefined) job.endWith(failure)
    else await endSession(parts, mediaServer, { sessionId, status: failure.status, reason: failure.message })
  }
}

/** A backup's first medium is its job's own grant; everything else is asked of the broker. */
async function obtain(
  parts: ManagerParts,
  input: MediaRequest,
  job: RunningJob | undefined,
  refusal: AbortController,
): Promise<Allocation> {
  const { store } = parts
  const key = holdingKey(input)
  const record = store.current(input.jobId)
  if (record === undefined) throw new NbError('session-unknown', `job ${input.jobId} has ended`)
  if (record.cancel !== undefined) throw new NbError('job-cancelled', record.cancel.reason)
  if (record.held !== undefined && record.heldFor === key) {
    store.show(record.id, { operation: 'mounting' })
    return record.held.allocation
  }
  const known = record.sessionHoldings[key]
  if (known !== undefined) return known.allocation
  return acquire(parts, input, record, job, refusal)
}

async function acquire(
  parts: ManagerParts,
  input: MediaRequest,
  record: JobRecord,
  job: RunningJob | undefined,
  refusal: AbortController,
): Promise<Allocation> {
  const { broker, store, clock, log } = parts
  const { id, type, priority, client, policy } = record
  const key = holdingKey(input)
  const request = {
    requestId: `job-${id}/${key}`,
    jobId: id,
    jobType: type,
    priority,
    client,
    limits: {},
    need: input.need,
    ...(policy === undefined ? {} : { policy }),
  }
  const step = type === 'restore' ? { step: { flow: 'restore', number: 9 } as const } : {}
  store.show(id, { operation: 'requesting-resources' })
  await sayInLog(store, clock, log, id, () => describeRequest(request), step)
  const signal = job === undefined ? refusal.signal : AbortSignal.any([refusal.signal, job.signal])
  const release = ({ leaseId }: Grant): void => {
    void attempt(log, 'release of a late grant', () => broker.release({ leaseId }))
  }
  const grant = await unlessAborted(
    retrying(clock, 5, () => broker.acquire(request, { signal }), signal),
    signal,
    release,
  )
  const { leaseId, expiresAt, allocation } = grant
  try {
    await store.apply(id, { kind: 'leased', request: key, holding: { leaseId, allocation } })
  } catch (error) {
    release(grant)
    throw error
  }
  parts.leases.keep({ leaseId, expiresAt }, (reason) => void loseLease(parts, input, job, reason))
  store.show(id, { operation: 'mounting' })
  return allocation
}

/** Keeps the leases of a job's sessions again after a restart; each is renewed at once. */
export function keepSessionLeases(
  parts: ManagerParts,
  record: JobRecord,
  mediaServerOfSession: (sessionId: string) => string | undefined,
): void {
  for (const [key, { leaseId }] of Object.entries(record.sessionHoldings)) {
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
  const holding = store.current(jobId)?.sessionHoldings[key]
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
