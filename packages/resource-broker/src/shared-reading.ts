import type { Blocker } from '@nb/contracts'
import type { BlockedAt } from './blocked-at.ts'

/** What tells a reason from others. */
interface Reason extends Pick<Blocker, 'kind' | 'name' | 'reason'> {
  readonly held: boolean
  /** In which look it was found last. */
  seen: number
}

/**
 * What reasons that others may share mean, kept: the next denial for the same ones is told by a look, whatever their
 * order, and who holds what meanwhile. A place that comes free is most often taken at once, and all is as it was.
 */
export class SharedReading {
  readonly at: BlockedAt
  /** The one reason of each storage unit; nothing where one has several. */
  readonly #reasons: ReadonlyMap<string, Reason> | undefined
  #looks = 0

  constructor(at: BlockedAt, blockers: readonly Blocker[]) {
    this.at = at
    const reasons = new Map<string, Reason>()
    for (const { kind, name, reason, storageUnit = '', holders } of blockers)
      reasons.set(storageUnit, { kind, name, reason, held: holders.length > 0, seen: 0 })
    this.#reasons = reasons.size === blockers.length ? reasons : undefined
  }

  /** Whether these are the same reasons. For another need only when it may share them. */
  isOf(blockers: readonly Blocker[]): boolean {
    const reasons = this.#reasons
    if (reasons?.size !== blockers.length) return false
    this.#looks += 1
    for (const { kind, name, reason, storageUnit = '', holders } of blockers) {
      const known = reasons.get(storageUnit)
      if (known?.kind !== kind || known.name !== name || known.reason !== reason) return false
      if (known.held !== holders.length > 0 || known.seen === this.#looks) return false
      known.seen = this.#looks
    }
    return true
  }
}
