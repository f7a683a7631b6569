import { type Json, NbError, type ResourceRequest } from '@nb/contracts'

/** Priorities go from 0 to this one. */
export const highestPriority = 99_999
const mostJobs = 1_000_000

/** The request with nothing but its own fields. Throws `argument-invalid` naming field, value and what is allowed. */
export function validRequest(input: ResourceRequest): ResourceRequest {
  const { requestId, jobId, jobType, priority, policy, client, limits, need, queuedAt } = input
  checkText('requestId', requestId)
  checkText('jobId', jobId)
  checkText('client', client)
  if (policy !== undefined) checkText('policy', policy)
  checkInteger('priority', priority, 0, highestPriority)
  if (queuedAt !== undefined) checkInteger('queuedAt', queuedAt, 0, Number.MAX_SAFE_INTEGER)
  for (const name of ['maxJobsPerPolicy', 'maxJobsPerClient', 'maxJobsThisClient'] as const)
    if (limits[name] !== undefined) checkInteger(`limits.${name}`, limits[name], 0, mostJobs)
  return {
    requestId,
    jobId,
    jobType,
    priority,
    ...(policy === undefined ? {} : { policy }),
    client,
    limits: { ...limits },
    need: { ...need },
    ...(queuedAt === undefined ? {} : { queuedAt }),
  }
}

/** Throws `request-duplicate` when an id stands for two different requests. */
export function requireSame(known: ResourceRequest, asked: ResourceRequest): void {
  if (known.jobId === asked.jobId && JSON.stringify(known.need) === JSON.stringify(asked.need)) return
  throw new NbError(
    'request-duplicate',
    `request ${asked.requestId} is already another one of job ${known.jobId}; use a new id for a new request`,
    { details: { requestId: asked.requestId, jobId: known.jobId } },
  )
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
