import type { StorageUnit, StorageUnitGroup } from '@nb/contracts'

/** The storage units of groups, and of those that take turns whose turn it is, until groups or storage units change. */
export class GroupIndex {
  readonly #members: Map<string, readonly StorageUnit[]> = new Map()
  readonly #rotations: Map<string, StorageUnit[]> = new Map()

  /** In the order of the group's list. */
  membersOf(
    { name, members }: StorageUnitGroup,
    units: ReadonlyMap<string, StorageUnit>,
  ): readonly StorageUnit[] {
    let known = this.#members.get(name)
    if (known === undefined)
      this.#members.set(name, (known = members.flatMap((member) => units.get(member) ?? [])))
    return known
  }

  /** The one selected longest ago first; those never selected before all, in the order of the list. */
  rotationOf(
    group: StorageUnitGroup,
    units: ReadonlyMap<string, StorageUnit>,
    lastSelected: (unit: StorageUnit) => number,
  ): readonly StorageUnit[] {
    let known = this.#rotations.get(group.name)
    if (known === undefined) {
      const members = this.membersOf(group, units)
      // The sort is stable.
      known = [...members].sort((a, b) => lastSelected(a) - lastSelected(b))
      this.#rotations.set(group.name, known)
    }
    return known
  }

  /** A storage unit was selected, later than any other. */
  selected(name: string): void {
    for (const rotation of this.#rotations.values()) {
      const at = rotation.findIndex((unit) => unit.name === name)
      if (at >= 0) rotation.push(...rotation.splice(at, 1))
    }
  }

  /** Groups, storage units or selections changed otherwise. */
  clear(): void {
    this.#members.clear()
    this.#rotations.clear()
  }
}
