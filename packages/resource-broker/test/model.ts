import type { MediaNeed, ResourceRequest } from '@nb/contracts'

/** A request as the model sees it: what it needs, its rank, and where it was served. */
export interface ModelJob {
  readonly request: ResourceRequest
  readonly arrival: number
}

/** The slow, obvious broker: after every step it scans the whole queue from the top until nobody can be served. */
export class ModelBroker {
  readonly units: Map<string, { readonly limit: number; up: boolean }> = new Map()
  readonly policyLimit: number
  readonly clientLimit: number
  readonly groups: Map<string, readonly string[]> = new Map()
  readonly waiting: Map<string, ModelJob> = new Map()
  /** Granted requests and the unit of each. */
  readonly granted: Map<string, { readonly job: ModelJob; readonly unit: string }> = new Map()

  constructor(policyLimit: number, clientLimit: number) {
    this.policyLimit = policyLimit
    this.clientLimit = clientLimit
  }

  /** Serves everybody who can be served, best rank first. */
  serve(): void {
    for (;;) {
      const best = this.inOrder().find((job) => this.unitFor(job) !== undefined)
      if (best === undefined) return
      const unit = this.unitFor(best) as string
      this.waiting.delete(best.request.requestId)
      this.granted.set(best.request.requestId, { job: best, unit })
    }
  }

  inOrder(): readonly ModelJob[] {
    return [...this.waiting.values()].sort(
      (a, b) =>
        b.request.priority - a.request.priority ||
        (a.request.queuedAt ?? 0) - (b.request.queuedAt ?? 0) ||
        a.arrival - b.arrival,
    )
  }

  /** Where a request could go now. */
  unitFor({ request }: ModelJob): string | undefined {
    if (this.limitReached(request)) return undefined
    return this.candidates(request.need).find((name) => this.isFree(name))
  }

  limitReached({ jobType, policy, client }: ResourceRequest): boolean {
    if (jobType === 'restore') return false
    return this.ofPolicy(policy) >= this.policyLimit || this.ofClient(client) >= this.clientLimit
  }

  candidates(need: MediaNeed): readonly string[] {
    if (need.kind === 'read') return [need.storageUnit]
    const { storage } = need
    if (storage.kind === 'unit') return [storage.name]
    return storage.kind === 'group' ? (this.groups.get(storage.name) ?? []) : [...this.units.keys()].sort()
  }

  isFree(name: string): boolean {
    const unit = this.units.get(name)
    return unit?.up === true && this.onUnit(name) < unit.limit
  }

  onUnit(name: string): number {
    return this.#count(({ unit }) => unit === name)
  }

  ofPolicy(policy: string | undefined): number {
    return this.#count(({ job }) => job.request.jobType !== 'restore' && job.request.policy === policy)
  }

  ofClient(client: string): number {
    return this.#count(({ job }) => job.request.jobType !== 'restore' && job.request.client === client)
  }

  #count(counts: (granted: { readonly job: ModelJob; readonly unit: string }) => boolean): number {
    return [...this.granted.values()].filter(counts).length
  }
}
