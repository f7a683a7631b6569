const dayMs = 86_400_000

/** What {@link backupBytes} decides by. */
export interface BackupSizeFacts {
  readonly sizeBytes: number
  /** The share of the data that changes in 24 hours, 0–1. */
  readonly changePerDay: number
  /** Since the image it is compared with, milliseconds; absent for a full. */
  readonly sinceMs?: number
  /** Between -1 and 1 times `variation`. @default 0 */
  readonly deviation?: number
}

/**
 * How much a backup holds: a full everything, an incremental what has changed since its reference. What changes twice is
 * in it once, so after `d` days it is `1 - (1 - change)^d` of the data. Whole bytes, at least 1.
 */
export function backupBytes({ sizeBytes, changePerDay, sinceMs, deviation = 0 }: BackupSizeFacts): number {
  const share = sinceMs === undefined ? 1 : 1 - (1 - changePerDay) ** (Math.max(0, sinceMs) / dayMs)
  return Math.max(1, Math.round(sizeBytes * share * (1 + deviation)))
}
