/** What a media server told of the room of a disk storage unit. */
export interface ToldSpace {
  readonly totalBytes: number
  readonly freeBytes: number
  /** When, milliseconds since the epoch. */
  readonly at: number
  /** The bytes that were free when a job found no room: it is full until more are. */
  readonly fullAt?: number
}
