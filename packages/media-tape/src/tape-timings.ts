/** How long the machinery takes. Milliseconds and bytes per second; a rate of Infinity takes no time. */
export interface TapeTimings {
  /** The robot carries a volume from one place to another. */
  readonly moveMs: number
  /** From the mouth to threaded and ready. */
  readonly loadMs: number
  /** Unthreading and ejecting, after the rewind. */
  readonly unloadMs: number
  /** Rewinding from the very end; less in proportion. */
  readonly fullRewindMs: number
  /** Locating over the whole length; less in proportion. */
  readonly fullLocateMs: number
  /** Starting and stopping the tape for any motion but streaming on. */
  readonly repositionMs: number
  /** Reading and writing. */
  readonly bytesPerSecond: number
}

/** Machinery that takes no time. */
export const instantTimings: TapeTimings = {
  moveMs: 0,
  loadMs: 0,
  unloadMs: 0,
  fullRewindMs: 0,
  fullLocateMs: 0,
  repositionMs: 0,
  bytesPerSecond: Infinity,
}

/** About what a full-height LTO-8 drive in a mid-size library takes, by vendors' data sheets. */
export const lto8Timings: TapeTimings = {
  moveMs: 12_000,
  loadMs: 15_000,
  unloadMs: 12_000,
  fullRewindMs: 112_000,
  fullLocateMs: 112_000,
  repositionMs: 2_000,
  bytesPerSecond: 360_000_000,
}
