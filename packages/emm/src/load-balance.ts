/** What speaks for or against a storage unit of a load-balanced group. */
export interface Balanced {
  /** The load its media server reported lately, 0–1. */
  readonly load?: number
  /** Jobs and limit of its media server; of the unit itself where the server has no limit. */
  readonly inUse: number
  readonly limit: number
  /** Larger is later; 0 is never. */
  readonly lastSelected: number
}

/**
 * How busy it is there: the reported load plus the share of the limit that is used, 0–2 or more. What has reported nothing
 * counts with half a load, so that silence is neither the best nor the worst that can be said.
 */
export const business = ({ load = 0.5, inUse, limit }: Balanced): number =>
  load + (limit === 0 ? 1 : inUse / limit)

/** The least busy first; of equally busy ones the one selected longest ago; then as they stand. */
export function byBusiness<Entry extends Balanced>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => business(a) - business(b) || a.lastSelected - b.lastSelected)
}
