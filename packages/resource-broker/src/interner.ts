import type { JobLimits, MediaNeed, ResourceRequest } from '@nb/contracts'
import type { Limit } from './limits.ts'

/**
 * Keeps one object for all that are equal, so that a million requests share their needs, limits and names, and equal
 * ones can be told by identity. It forgets nothing by itself; whoever uses it clears it when nobody waits.
 */
export class Interner {
  readonly #needs: Map<string, MediaNeed> = new Map()
  readonly #limits: { readonly [Kind in Limit['kind']]: Map<string, Limit> } = {
    policy: new Map(),
    client: new Map(),
  }
  readonly #jobLimits: Map<string, JobLimits> = new Map()
  readonly #texts: Map<string, string> = new Map()

  /** A copy of the request that shares everything it can. */
  request(request: ResourceRequest): ResourceRequest {
    const { requestId, jobId, jobType, priority, policy, client, limits, need, queuedAt } = request
    const copy: Copy = {
      requestId,
      jobId,
      jobType,
      priority,
      client: this.#text(client),
      limits: shared(this.#jobLimits, jobLimitsKey(limits), limits),
      need: this.need(need),
    }
    if (policy !== undefined) copy.policy = this.#text(policy)
    if (queuedAt !== undefined) copy.queuedAt = queuedAt
    return copy
  }

  need(need: MediaNeed): MediaNeed {
    return shared(this.#needs, needKey(need), need)
  }

  /** The same for the same name until its limit changes. */
  limit(limit: Limit | undefined): Limit | undefined {
    if (limit === undefined) return undefined
    const known = this.#limits[limit.kind].get(limit.name)
    if (known?.most === limit.most) return known
    this.#limits[limit.kind].set(limit.name, limit)
    return limit
  }

  clear(): void {
    const { policy, client } = this.#limits
    for (const map of [this.#needs, policy, client, this.#jobLimits, this.#texts]) map.clear()
  }

  #text(text: string): string {
    return shared(this.#texts, text, text)
  }
}

type Copy = { -readonly [Field in keyof ResourceRequest]: ResourceRequest[Field] }

/** Needs that the media manager answers alike have the same key. */
export function needKey(need: MediaNeed): string {
  if (need.kind === 'read') return `read\0${need.storageUnit}\0${need.volumeId ?? ''}`
  const {
    storage,
    volumePool,
    retentionLevel,
    multiplexing = 1,
    continues = false,
    replaces,
    expectedBytes,
    further,
  } = need
  const name = storage.kind === 'any' ? '' : storage.name
  return `write\0${storage.kind}\0${name}\0${volumePool}\0${retentionLevel}\0${multiplexing}\0${continues}\0${replaces ?? ''}\0${expectedBytes ?? ''}\0${further === undefined ? '' : JSON.stringify(further)}`
}

function jobLimitsKey({ maxJobsPerPolicy, maxJobsPerClient, maxJobsThisClient }: JobLimits): string {
  return `${maxJobsPerPolicy}\0${maxJobsPerClient}\0${maxJobsThisClient}`
}

function shared<Value>(known: Map<string, Value>, key: string, value: Value): Value {
  const first = known.get(key)
  if (first !== undefined) return first
  known.set(key, value)
  return value
}
