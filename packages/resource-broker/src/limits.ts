import type { Blocker, JobType, ResourceRequest } from '@nb/contracts'

/** At most `most` jobs of one policy or one client at a time. */
export interface Limit {
  readonly kind: 'policy' | 'client'
  readonly name: string
  readonly most: number
}

/** The limits that a request brings along or falls under. */
export interface RequestLimits {
  readonly policy?: Limit | undefined
  readonly client?: Limit | undefined
}

/** Who holds a place under a limit. */
export type Holder = Blocker['holders'][number]

/** What is granted now, by policy and by client. */
export interface LimitUsage {
  /** The jobs that count under it, oldest first; no more than `most`. */
  holders(of: Pick<Limit, 'kind' | 'name'>, most: number): readonly Holder[]
  /** How many they are. */
  count(of: Pick<Limit, 'kind' | 'name'>): number
}

/** Jobs that count against limits of policies and clients, and obey them: those that take data from clients. */
const limited: ReadonlySet<JobType> = new Set(['backup', 'archive'])

/** Whether a job of this type is limited at all. Restores and media jobs are not: nobody may wait to get data back. */
export function isLimited(jobType: JobType): boolean {
  return limited.has(jobType)
}

/**
 * Which limits a request falls under: that of its policy; that of this client, else that of any client as the
 * request says, else `maxJobsPerClient`.
 */
export function limitsOf(
  request: Pick<ResourceRequest, 'jobType' | 'policy' | 'client' | 'limits'>,
  maxJobsPerClient: number,
): RequestLimits {
  const { jobType, policy, client, limits } = request
  if (!isLimited(jobType)) return {}
  const perClient = limits.maxJobsThisClient ?? limits.maxJobsPerClient ?? maxJobsPerClient
  const ofClient: Limit = { kind: 'client', name: client, most: perClient }
  if (policy === undefined || limits.maxJobsPerPolicy === undefined) return { client: ofClient }
  return { policy: { kind: 'policy', name: policy, most: limits.maxJobsPerPolicy }, client: ofClient }
}

/** What a grant counts under, whether or not its own request is limited there. */
export function countedOf(
  { jobType, policy: name, client }: ResourceRequest,
  limits: RequestLimits,
): readonly Pick<Limit, 'kind' | 'name'>[] {
  if (!isLimited(jobType)) return []
  const ofClient = limits.client ?? { kind: 'client', name: client }
  return name === undefined ? [ofClient] : [limits.policy ?? { kind: 'policy', name }, ofClient]
}

/** Whether no more jobs fit under a limit. */
export function isReached(limit: Limit | undefined, usage: LimitUsage): boolean {
  return limit !== undefined && usage.count(limit) >= limit.most
}

/** More holders than this are counted, not named. */
const mostHolders = 100

/** Every limit that stands in the way now. */
export function limitBlockers({ policy, client }: RequestLimits, usage: LimitUsage): readonly Blocker[] {
  const blockers: Blocker[] = []
  for (const limit of [policy, client])
    if (limit !== undefined && isReached(limit, usage)) blockers.push(limitBlocker(limit, usage))
  return blockers
}

function limitBlocker(limit: Limit, usage: LimitUsage): Blocker {
  const { kind, name, most } = limit
  const inUse = usage.count(limit)
  const holders = usage.holders(limit, mostHolders)
  return {
    kind: `${kind}-limit`,
    name,
    reason: most === 0 ? 194 : 2040,
    limit: most,
    inUse,
    holders,
    goesOnWhen: goesOnWhen(limit, inUse, holders),
  }
}

function goesOnWhen({ kind, name, most }: Limit, inUse: number, holders: readonly Holder[]): string {
  if (most === 0) return `the limit of jobs of ${kind} ${name} is raised above 0`
  if (inUse > most) return `fewer than ${most} of them run`
  const [only, ...others] = holders
  return only !== undefined && others.length === 0 ? `job ${only.jobId} ends` : 'one of them ends'
}
