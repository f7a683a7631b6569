import type { Holder, Limit, LimitUsage } from './limits.ts'

type Counted = Pick<Limit, 'kind' | 'name'>
/** Most clients have one lease at a time: a list for each would cost more than all the rest. */
type Places = Holder | Holder[]

/** Counts the granted jobs of policies and clients, and remembers who they are. */
export class Usage implements LimitUsage {
  readonly #places: { readonly [Kind in Limit['kind']]: Map<string, Places> } = {
    policy: new Map(),
    client: new Map(),
  }

  /** Counts a lease. Its holder is an object of its own, by which it is found again. */
  add(holder: Holder, counted: readonly Counted[]): void {
    for (const { kind, name } of counted) {
      const places = this.#places[kind]
      const known = places.get(name)
      if (known === undefined) places.set(name, holder)
      else if (Array.isArray(known)) known.push(holder)
      else places.set(name, [known, holder])
    }
  }

  /** Counts a lease no more. */
  delete(holder: Holder, counted: readonly Counted[]): void {
    for (const { kind, name } of counted) {
      const places = this.#places[kind]
      const known = places.get(name)
      if (known === holder) places.delete(name)
      else if (Array.isArray(known)) {
        const at = known.indexOf(holder)
        if (at >= 0) known.splice(at, 1)
        if (known.length === 0) places.delete(name)
      }
    }
  }

  count({ kind, name }: Counted): number {
    const known = this.#places[kind].get(name)
    return known === undefined ? 0 : Array.isArray(known) ? known.length : 1
  }

  holders({ kind, name }: Counted, most: number): readonly Holder[] {
    const known = this.#places[kind].get(name)
    return known === undefined ? [] : Array.isArray(known) ? known.slice(0, most) : [known].slice(0, most)
  }
}
