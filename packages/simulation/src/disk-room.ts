import { type Clock, type Lifecycle, type MediaManager, NbError, isAbortError } from '@nb/contracts'
import type { Hardware } from './hardware.ts'
import type { SimulatedSite } from './site.ts'

/** Tells the media manager the room of disks, as their media server does. */
export interface DiskRoom extends Required<Lifecycle> {
  /** Tells that of a disk now; with `full`, that a job has just found none. Nothing happens for what has no high-water mark. */
  tell(unit: string, options?: { readonly full?: boolean }): Promise<void>
}

/**
 * How often a disk's room is told where nothing happens on it, milliseconds. A server tells it every minute; a clean-up at the high-water mark
 * follows from that every ten minutes at most, and what is told is believed for fifteen.
 */
const againMs = 600_000

/** Makes it for the disks of a site that have a high-water mark. */
export function createDiskRoom(
  {
    media,
    clock,
    hardware,
  }: {
    readonly media: Pick<MediaManager, 'reportSpace'>
    readonly clock: Clock
    readonly hardware: Pick<Hardware, 'diskRoom'>
  },
  site: Pick<SimulatedSite, 'diskUnits'>,
): DiskRoom {
  const told = new Set(markedUnits(site))
  const ending = new AbortController()
  const tell: DiskRoom['tell'] = async (unit, { full = false } = {}) => {
    if (!told.has(unit)) return
    try {
      await media.reportSpace({ storageUnit: unit, ...hardware.diskRoom(unit), ...(full ? { full } : {}) })
    } catch (error) {
      // Whoever meddles may have taken the unit away while a job wrote there.
      if (!(error instanceof NbError && error.code === 'storage-unit-unknown')) throw error
    }
  }
  const tellAll = async (): Promise<void> => {
    for (const unit of told) await tell(unit)
  }
  const again = async (): Promise<void> => {
    try {
      for (;;) {
        await clock.sleep(againMs, { signal: ending.signal })
        await tellAll()
      }
    } catch (error) {
      if (!isAbortError(error)) throw error
    }
  }
  return {
    tell,
    start: async () => {
      await tellAll()
      if (told.size > 0) void again()
    },
    stop: async () => ending.abort(),
  }
}

/** The disks whose room is told. */
export function markedUnits({ diskUnits = [] }: Pick<SimulatedSite, 'diskUnits'>): readonly string[] {
  return diskUnits.flatMap(({ name, highWaterPercent }) => (highWaterPercent === undefined ? [] : [name]))
}
