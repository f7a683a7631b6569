import type { Holder, Limit, LimitUsage } from './limits.ts'

type Counted = Pick<Limit, 'kind' | 'name'>

/** Counts the granted jobs of policies and clients, and remembers who they are. */
export class Usage implements LimitUsage {
  readonly #places: Map<string, Map<string, Holder>> = new Map()

  /** Counts a lease. */
  add(leaseId: string, holder: Holder, counted: readonly Counted[]): void {
    for (const of of counted) {
      const key = usageKey(of)
      const holders = this.#places.get(key)
      if (holders === undefined) this.#places.set(key, new Map([[leaseId, holder]]))
      else holders.set(leaseId, holder)
    }
  }

  /** Counts a lease no more. */
  delete(leaseId: string, counted: readonly Counted[]): void {
    for (const of of counted) {
      const key = usageKey(of)
      const holders = this.#places.get(key)
      if (holders?.delete(leaseId) === true && holders.size === 0) this.#places.delete(key)
    }
  }

  count(of: Counted): number {
    return this.#places.get(usageKey(of))?.size ?? 0
  }

  holders(of: Counted, most: number): readonly Holder[] {
    const holders: Holder[] = []
    for (const holder of this.#places.get(usageKey(of))?.values() ?? []) {
      if (holders.length >= most) break
      holders.push(holder)
    }
    return holders
  }
}

/** Names a policy or a client among all of them. */
export function usageKey({ kind, name }: Counted): string {
  return `${kind}:${name}`
}
