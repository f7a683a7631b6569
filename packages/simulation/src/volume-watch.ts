import type { MediaManager } from '@nb/contracts'
import type { Hardware } from './hardware.ts'
import type { VolumeCounts } from './results.ts'

/** Counts volumes now and then: how many are empty, partly full, full. */
export class VolumeWatch {
  readonly #media: Pick<MediaManager, 'volumes'>
  readonly #hardware: Hardware
  #fewestEmpty = Infinity

  constructor(media: Pick<MediaManager, 'volumes'>, hardware: Hardware) {
    this.#media = media
    this.#hardware = hardware
  }

  /** Counts now. */
  async look(): Promise<Omit<VolumeCounts, 'fewestEmpty'>> {
    const use = this.#hardware.tapeUse()
    const counts = { all: 0, empty: 0, full: 0, partlyFull: 0, frozen: 0 }
    for await (const { volumeId, state, assignedAt } of this.#media.volumes({})) {
      counts.all += 1
      if (state === 'frozen') counts.frozen += 1
      else if (state === 'full') counts.full += 1
      else if (assignedAt === undefined && (use.get(volumeId) ?? 0) === 0) counts.empty += 1
      else counts.partlyFull += 1
    }
    this.#fewestEmpty = Math.min(this.#fewestEmpty, counts.empty)
    return counts
  }

  /** The counts of now, and the fewest empty ones of all looks. */
  async counts(): Promise<VolumeCounts> {
    const counts = await this.look()
    return { ...counts, fewestEmpty: this.#fewestEmpty }
  }
}
