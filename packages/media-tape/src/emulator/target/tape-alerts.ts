/** TapeAlert flags, 1–64 (SSC-5, annex TapeAlert; SMC-3 for changers). */
export const tapeAlert = {
  readWarning: 1,
  writeWarning: 2,
  hardError: 3,
  media: 4,
  readFailure: 5,
  writeFailure: 6,
  writeProtect: 9,
  removalPrevented: 10,
  cleaningMedia: 11,
  cleanNow: 20,
  cleanPeriodic: 21,
  expiredCleaning: 22,
  hardwareA: 30,
  hardwareB: 31,
  /** Of a changer: the robot stands still. */
  libraryHardwareB: 2,
} as const

/**
 * Flags that are up. Reading the log page takes down what was told to that initiator, until it is raised again (SSC-5, 4.2.20);
 * what an initiator has not read yet stays up for it.
 */
export class TapeAlerts {
  readonly #up = new Set<number>()
  readonly #told = new Map<string, Set<number>>()

  /** Puts a flag up for all. */
  raise(flag: number): void {
    this.#up.add(flag)
    for (const told of this.#told.values()) told.delete(flag)
  }

  /** The cause is gone. */
  clear(...flags: readonly number[]): void {
    for (const flag of flags.length === 0 ? [...this.#up] : flags) this.#up.delete(flag)
  }

  /** All whose cause is there. */
  get up(): ReadonlySet<number> {
    return this.#up
  }

  /** Whether the cause is there. */
  has(flag: number): boolean {
    return this.#up.has(flag)
  }

  /** What is up for an initiator, which is thereby told. */
  tell(initiator: string): ReadonlySet<number> {
    const told = this.#told.get(initiator) ?? new Set()
    const news = new Set([...this.#up].filter((flag) => !told.has(flag)))
    this.#told.set(initiator, new Set([...told, ...news]))
    return news
  }
}
