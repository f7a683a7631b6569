/** One fault that is to happen. */
export interface PlannedFault {
  /** Name of the point, such as `write` or `rename`; `*` counts every point. */
  readonly point: string
  /** At which passing of the point, from 1. */
  readonly occurrence: number
}

/** Faults planned in advance. A plan that was not carried out fails the test, which would else prove nothing. */
export interface FaultPlan {
  /** Tells the plan that a point is passed; answers whether a fault happens now. */
  hit(point: string): boolean
  /** The faults that did not happen yet. */
  readonly pending: readonly PlannedFault[]
  /** Throws when a planned fault was not hit. */
  assertAllHit(): void
}

/** Makes a plan. */
export function createFaultPlan(faults: readonly PlannedFault[]): FaultPlan {
  const pending = new Set(faults)
  const passed = new Map<string, number>()
  const pass = (point: string): number => {
    const count = (passed.get(point) ?? 0) + 1
    passed.set(point, count)
    return count
  }
  return {
    hit: (point) => {
      const counts = new Map([
        [point, pass(point)],
        ['*', pass('*')],
      ])
      const due = [...pending].find((fault) => counts.get(fault.point) === fault.occurrence)
      return due !== undefined && pending.delete(due)
    },
    get pending() {
      return [...pending]
    },
    assertAllHit: () => {
      if (pending.size === 0) return
      const missed = [...pending].map(
        ({ point, occurrence }) => `${point} #${occurrence} (passed ${passed.get(point) ?? 0} times)`,
      )
      throw new Error(`planned faults were not hit: ${missed.join(', ')}`)
    },
  }
}

/** Random numbers in [0, 1) that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
