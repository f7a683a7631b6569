/** How long the machinery takes. Milliseconds and bytes per second; a rate of Infinity takes no time. */
export interface TapeTimings {
  /** The robot carries a volume from one place to another. */
  readonly moveMs: number
  /** The robot looks at the label in one place. */
  readonly scanMs: number
  /** From the mouth to threaded and ready. */
  readonly loadMs: number
  /** Unthreading and ejecting, after the rewind. */
  readonly unloadMs: number
  /** A cleaning cartridge, from the mouth back to it. */
  readonly cleanMs: number
  /** Rewinding from the very end; less in proportion. */
  readonly fullRewindMs: number
  /** Locating over the whole length; less in proportion. */
  readonly fullLocateMs: number
  /** Starting and stopping the tape for any motion but streaming on. */
  readonly repositionMs: number
  /** Reading and writing. */
  readonly bytesPerSecond: number
  /** The drive's buffer: so much is taken, or read ahead, at once. */
  readonly bufferBytes: number
}

/** Machinery that takes no time. */
export const instantTimings: TapeTimings = {
  moveMs: 0,
  scanMs: 0,
  loadMs: 0,
  unloadMs: 0,
  cleanMs: 0,
  fullRewindMs: 0,
  fullLocateMs: 0,
  repositionMs: 0,
  bytesPerSecond: Infinity,
  bufferBytes: 0,
}

/** About what a full-height LTO-8 drive in a mid-size library takes, by vendors' data sheets. */
export const lto8Timings: TapeTimings = {
  moveMs: 12_000,
  scanMs: 250,
  loadMs: 15_000,
  unloadMs: 12_000,
  cleanMs: 120_000,
  fullRewindMs: 112_000,
  fullLocateMs: 112_000,
  repositionMs: 2_000,
  bytesPerSecond: 360_000_000,
  bufferBytes: 1_073_741_824,
}

/**
 * The same machinery slower or, with a factor below 1, faster: 0.01 makes a robot of two minutes one of a second. Throws `TypeError`
 * for a factor that is not positive.
 */
export function scaledTimings(timings: TapeTimings, factor: number): TapeTimings {
  if (!(factor > 0) || !Number.isFinite(factor))
    throw new TypeError(`a factor of ${factor}; allowed: positive numbers`)
  const { bytesPerSecond, bufferBytes, ...durations } = timings
  const scaled = Object.entries(durations).map(([name, ms]) => [name, ms * factor] as const)
  return {
    ...(Object.fromEntries(scaled) as unknown as typeof durations),
    bytesPerSecond: bytesPerSecond / factor,
    bufferBytes,
  }
}
