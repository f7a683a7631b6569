import type { JobLimits, MediaNeed, ResourceRequest } from '@nb/contracts'
import type { Limit } from './limits.ts'

/**
 * Keeps one object for all that are equal, so that a million requests share their needs, limits and names, and equal
 * ones can be told by identity. It forgets nothing by itself; whoever uses it clears it when nobody waits.
 */
export class Interner {
  readonly #needs: Map<string, MediaNeed> = new Map()
  readonly #limits: Map<string, Limit> = new Map()
  readonly #jobLimits: Map<string, JobLimits> = new Map()
  readonly #texts: Map<string, string> = new Map()

  /** The request with everything shared that can be. */
  request(request: ResourceRequest): ResourceRequest {
    const { policy, client, limits, need } = request
    return {
      ...request,
      ...(policy === undefined ? {} : { policy: this.#text(policy) }),
      client: this.#text(client),
      limits: shared(this.#jobLimits, jobLimitsKey(limits), limits),
      need: this.need(need),
    }
  }

  need(need: MediaNeed): MediaNeed {
    return shared(this.#needs, needKey(need), need)
  }

  limit(limit: Limit | undefined): Limit | undefined {
    return limit && shared(this.#limits, `${limit.kind}\0${limit.most}\0${limit.name}`, limit)
  }

  clear(): void {
    for (const map of [this.#needs, this.#limits, this.#jobLimits, this.#texts]) map.clear()
  }

  #text(text: string): string {
    return shared(this.#texts, text, text)
  }
}

/** Needs that the media manager answers alike have the same key. */
export function needKey(need: MediaNeed): string {
  if (need.kind === 'read') return `read\0${need.storageUnit}\0${need.volumeId ?? ''}`
  const { storage, volumePool, retentionLevel, multiplexing = 1, continues = false } = need
  const name = storage.kind === 'any' ? '' : storage.name
  return `write\0${storage.kind}\0${name}\0${volumePool}\0${retentionLevel}\0${multiplexing}\0${continues}`
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
