/** What decides who is served first. */
export interface Ranked {
  /** Higher goes first. */
  readonly priority: number
  /** Since when it waits, milliseconds since the epoch: older goes first. */
  readonly since: number
  /** The order of arrival, for those of the same millisecond. */
  readonly arrival: number
}

/** Order of service: priority, then age. Negative when `a` goes before `b`. */
export function compareRank(a: Ranked, b: Ranked): number {
  return b.priority - a.priority || a.since - b.since || a.arrival - b.arrival
}
