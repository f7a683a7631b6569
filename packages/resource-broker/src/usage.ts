import type { Holder, Limit, LimitUsage } from './limits.ts'

type Counted = Pick<Limit, 'kind' | 'name'>

/** The one lease under a limit. Most clients have one at a time: a map for each would cost more than all the rest. */
class Sole {
  readonly leaseId: string
  readonly holder: Holder

  constructor(leaseId: string, holder: Holder) {
    this.leaseId = leaseId
    this.holder = holder
  }
}

/** Counts the granted jobs of policies and clients, and remembers who they are. */
export class Usage implements LimitUsage {
  readonly #places: { readonly [Kind in Limit['kind']]: Map<string, Sole | Map<string, Holder>> } = {
    policy: new Map(),
    client: new Map(),
  }

  /** Counts a lease. */
  add(leaseId: string, holder: Holder, counted: readonly Counted[]): void {
    for (const { kind, name } of counted) {
      const places = this.#places[kind]
      const known = places.get(name)
      if (known === undefined) places.set(name, new Sole(leaseId, holder))
      else if (known instanceof Sole)
        places.set(name, new Map([[known.leaseId, known.holder]]).set(leaseId, holder))
      else known.set(leaseId, holder)
    }
  }

  /** Counts a lease no more. */
  delete(leaseId: string, counted: readonly Counted[]): void {
    for (const { kind, name } of counted) {
      const places = this.#places[kind]
      const known = places.get(name)
      if (known instanceof Sole) {
        if (known.leaseId === leaseId) places.delete(name)
      } else if (known?.delete(leaseId) === true && known.size === 0) places.delete(name)
    }
  }

  count({ kind, name }: Counted): number {
    const known = this.#places[kind].get(name)
    return known === undefined ? 0 : known instanceof Sole ? 1 : known.size
  }

  holders({ kind, name }: Counted, most: number): readonly Holder[] {
    const known = this.#places[kind].get(name)
    const holders: Holder[] = []
    for (const holder of known instanceof Sole ? [known.holder] : (known?.values() ?? [])) {
      if (holders.length >= most) break
      holders.push(holder)
    }
    return holders
  }
}
