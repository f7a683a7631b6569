import type { Allocation, Blocker, Turn } from '@nb/contracts'
import { takenKeys, unitKey } from './blocked-at.ts'
import { isReached, type LimitUsage } from './limits.ts'
import { compareRank, type Ranked } from './order.ts'
import type { Waiter } from './waiter.ts'
import type { WakeIndex } from './wake-index.ts'

/** One request was served before another of higher rank. */
export interface Passing {
  readonly passed: Waiter
  readonly by: Waiter
  /** What the higher one waits for there. */
  readonly blockers: readonly Blocker[]
}

const noTurns: readonly Turn[] = []
const noPassings: readonly Passing[] = []

/**
 * Counts who is passed by, and knows whose turn it is.
 *
 * A request is passed by when one of lower rank takes something from a storage unit at which it waits for what jobs
 * hold, while it is the first of those who wait for the same that no limit stands in the way of. Passed by as often as is allowed, it has
 * its turn: those of lower rank get nothing from the storage units at which it waits, so that what it waits for comes
 * free together. The turn rests while releases can't serve it: while a limit of its policy or client is reached, and at
 * storage units where something else than jobs blocks it.
 */
export class Turns {
  readonly #index: WakeIndex<Waiter>
  readonly #usage: LimitUsage
  readonly #most: number
  /** Those whose turn it is, with the storage units that are kept for them now. */
  readonly #due: Map<Waiter, readonly string[]> = new Map()

  /** `most`: passed by that often it is a request's turn; 0 for never. */
  constructor(index: WakeIndex<Waiter>, usage: LimitUsage, most: number) {
    this.#index = index
    this.#usage = usage
    this.#most = most
  }

  /** Notes whom an allocation passes by. To be called before it counts against limits. */
  passings(by: Waiter, allocation: Allocation): readonly Passing[] {
    const all = this.#index.passedBy(by, allocation, this.#usage)
    return all.length === 0 ? noPassings : all.map((passed) => this.#pass(passed, by, takenKeys(allocation)))
  }

  #pass(passed: Waiter, by: Waiter, taken: readonly string[]): Passing {
    passed.passedBy += 1
    const blockers = this.#index.closedBy(passed.need).filter(({ kind, name, storageUnit }) => {
      return taken.includes(unitKey(storageUnit ?? '')) || taken.includes(`${kind}:${name}`)
    })
    if (this.#most > 0 && passed.passedBy >= this.#most && !this.#due.has(passed))
      this.#due.set(passed, this.#kept(passed) ?? [])
    return { passed, by, blockers }
  }

  /** The turns that a request of this rank keeps. */
  against(rank: Ranked): readonly Turn[] {
    if (this.#due.size === 0) return noTurns
    return this.#outranking(rank).flatMap(([{ request, since }, units]) =>
      units.map((storageUnit) => ({ storageUnit, jobId: request.jobId, since })),
    )
  }

  /** The lowest rank of those whose turn a request of this rank keeps. */
  lowestAgainst(rank: Ranked): Ranked | undefined {
    if (this.#due.size === 0) return undefined
    return this.#outranking(rank)
      .map(([waiter]) => waiter)
      .sort(compareRank)
      .at(-1)
  }

  has(waiter: Waiter): boolean {
    return this.#due.has(waiter)
  }

  /** Its wait has ended. */
  delete(waiter: Waiter): void {
    if (this.#due.delete(waiter)) this.#index.wakeTurn(waiter.request.jobId)
  }

  /** Looks which turns stand, and wakes those who kept one that stands no more. */
  refresh(): void {
    for (const [waiter, before] of this.#due) {
      const now = this.#kept(waiter)
      // It is about to be asked for, before all whom its turn holds back.
      if (now === undefined) continue
      this.#due.set(waiter, now)
      if (before.some((unit) => !now.includes(unit))) this.#index.wakeTurn(waiter.request.jobId)
    }
  }

  #outranking(rank: Ranked): readonly [Waiter, readonly string[]][] {
    return [...this.#due].filter(([waiter, units]) => units.length > 0 && compareRank(waiter, rank) < 0)
  }

  /** The storage units worth keeping for it; `undefined` while it may be served. */
  #kept(waiter: Waiter): readonly string[] | undefined {
    if (isReached(waiter.policy, this.#usage) || isReached(waiter.client, this.#usage)) return []
    return this.#index.keepableFor(waiter.need)
  }
}
