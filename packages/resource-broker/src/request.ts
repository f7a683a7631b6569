import { type JobLimits, type Json, type MediaNeed, NbError, type ResourceRequest } from '@nb/contracts'

/** Priorities go from 0 to this one. */
export const highestPriority = 99_999
const mostJobs = 1_000_000
const mostStreams = 32

/** Throws `argument-invalid` naming field, value and what is allowed. */
export function checkRequest({
  requestId,
  jobId,
  priority,
  policy,
  client,
  limits,
  need,
  queuedAt,
}: ResourceRequest): void {
  checkText('requestId', requestId)
  checkText('jobId', jobId)
  checkText('client', client)
  if (policy !== undefined) checkText('policy', policy)
  checkInteger('priority', priority, 0, highestPriority)
  if (queuedAt !== undefined) checkInteger('queuedAt', queuedAt, 0, Number.MAX_SAFE_INTEGER)
  checkLimit('maxJobsPerPolicy', limits.maxJobsPerPolicy)
  checkLimit('maxJobsPerClient', limits.maxJobsPerClient)
  checkLimit('maxJobsThisClient', limits.maxJobsThisClient)
  if (need.replaces !== undefined && need.kind === 'read')
    throw invalid('need.replaces', need.replaces, 'nothing: whoever reads gives back before it asks')
  if (need.kind === 'write' && need.multiplexing !== undefined)
    checkInteger('need.multiplexing', need.multiplexing, 1, mostStreams)
  if (need.kind === 'write' && need.expectedBytes !== undefined)
    checkInteger('need.expectedBytes', need.expectedBytes, 0, Number.MAX_SAFE_INTEGER)
}

/** Throws `request-duplicate` when an id stands for two different requests. */
export function requireSame(known: ResourceRequest, asked: ResourceRequest): void {
  if (
    known.jobId === asked.jobId &&
    JSON.stringify(sameNeed(known.need)) === JSON.stringify(sameNeed(asked.need))
  )
    return
  throw new NbError(
    'request-duplicate',
    `request ${asked.requestId} is already another one of job ${known.jobId}; use a new id for a new request`,
    { details: { requestId: asked.requestId, jobId: known.jobId } },
  )
}

/** A need without what is only an estimate. */
function sameNeed(need: MediaNeed): MediaNeed {
  if (need.kind === 'read' || need.expectedBytes === undefined) return need
  const { expectedBytes: _estimate, ...known } = need
  return known
}

/** Which flow's steps the traces of a request belong to. */
export function flowOf({ jobType }: Pick<ResourceRequest, 'jobType'>): 'backup' | 'restore' | undefined {
  if (jobType === 'restore') return 'restore'
  return jobType === 'backup' || jobType === 'archive' ? 'backup' : undefined
}

/** The media manager's name for what a request is given: derived, so that a crash can't part the two. */
export function allocationIdOf(requestId: string): string {
  return `for ${requestId}`
}

function checkText(field: string, value: unknown): void {
  if (typeof value !== 'string' || value.length === 0 || value.length > 120)
    throw invalid(field, value, 'a text of 1–120 characters')
}

function checkLimit(name: keyof JobLimits, value: number | undefined): void {
  if (value !== undefined) checkInteger(`limits.${name}`, value, 0, mostJobs)
}

/** Throws `argument-invalid` unless it is a whole number within bounds. */
export function checkInteger(field: string, value: unknown, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(field, value, `a whole number ${least}–${most}`)
}

function invalid(field: string, value: unknown, allowed: string): NbError {
  const shown: Json = typeof value === 'number' || value === undefined ? String(value) : (value as Json)
  return new NbError('argument-invalid', `${field} is ${JSON.stringify(shown)}; allowed: ${allowed}`, {
    details: { field, value: shown, allowed },
  })
}
