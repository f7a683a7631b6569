import type { Clock, Drive, Logger, MediaManager } from '@nb/contracts'
import type { DriveBay } from './drive-bay.ts'
import { driveOf } from './media-records.ts'

/** What the hours of drives are counted with. */
export interface DriveHoursParts {
  readonly media: MediaManager
  readonly clock: Clock
  readonly logger: Logger
  /** After how many hours a drive is to be cleaned, by its name; 0: it is not by hours. */
  readonly frequencyOf: (drive: string) => number
}

const hourMs = 3_600_000

/**
 * Counts how long drives have volumes mounted for jobs since each was last cleaned. The media manager keeps it; where that does not answer, it is
 * logged, and nobody's work ends for it. A mount in the midst of which the process dies is not counted.
 */
export class DriveHours {
  readonly #parts: DriveHoursParts
  /** Since when a job has the volume in each drive. */
  readonly #since: Map<DriveBay, number> = new Map()

  constructor(parts: DriveHoursParts) {
    this.#parts = parts
  }

  /** A job has got its volume. */
  begin(bay: DriveBay): void {
    this.#since.set(bay, this.#parts.clock.now())
  }

  /** The job has given it back. Never rejects. */
  async end(bay: DriveBay): Promise<void> {
    const { media, clock } = this.#parts
    const since = this.#since.get(bay)
    if (since === undefined) return
    this.#since.delete(bay)
    await this.#orLogged(bay, async () => {
      const before = await driveOf(media, bay.name)
      if (before === undefined) return
      // A clock that was set back counts nothing.
      const mountMsSinceCleaning = mountMsOf(before) + Math.max(0, clock.now() - since)
      await media.recordDriveUse({ drive: bay.name, mountMsSinceCleaning })
    })
  }

  /** The hours after which a drive is to be cleaned, where they are over. Never rejects. */
  async over(bay: DriveBay): Promise<number | undefined> {
    const { media, frequencyOf } = this.#parts
    const hours = frequencyOf(bay.name)
    if (hours === 0) return undefined
    const drive = await this.#orLogged(bay, () => driveOf(media, bay.name))
    return drive !== undefined && mountMsOf(drive) >= hours * hourMs ? hours : undefined
  }

  /** A drive has been cleaned. Never rejects. */
  async cleaned(bay: DriveBay): Promise<void> {
    await this.#orLogged(bay, () => this.#parts.media.recordCleaning({ drive: bay.name }))
  }

  async #orLogged<Result>(bay: DriveBay, work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#parts.logger.error('drive %s: its hours are not counted: %o', bay.name, error)
      return undefined
    }
  }
}

const mountMsOf = ({ mountMsSinceCleaning = 0 }: Drive): number => mountMsSinceCleaning
