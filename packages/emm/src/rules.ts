/** What decisions follow besides the inventory: the time, and what the options say. */
export interface Rules {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Whether images of several retention levels may be on one volume. */
  readonly allowMultipleRetentions: boolean
  /** A load that a media server reported longer ago counts as none. */
  readonly loadMaxAgeMs: number
  /** Room that a media server told longer ago counts as not known. */
  readonly spaceMaxAgeMs: number
}
