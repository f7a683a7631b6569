import { type Logger, NbError } from '@nb/contracts'
import type { BarcodeReading } from './barcode-rules.ts'
import type { DriveBay } from './drive-bay.ts'
import type { Library } from './library.ts'

interface CleaningParts {
  /** Absent for a drive that stands alone: a person cleans it. */
  readonly library: Library | undefined
  readonly barcodes: BarcodeReading
  readonly logger: Logger
  readonly warn: (text: string) => void
}

/**
 * Cleans a drive that is the caller's and empty, where its TapeAlert flags have asked for it (20 and 21): between two volumes, never while one is
 * in use. Where no cleaning cartridge is left, that is told, and the drive is used as it is; it is tried again after its next volume.
 */
export async function cleanIfAsked(parts: CleaningParts, bay: DriveBay): Promise<void> {
  const { library, barcodes, logger, warn } = parts
  const { drive, name } = bay
  if (drive.takeAlerts === undefined) return
  for (const { meaning } of await drive.takeAlerts())
    if (meaning === 'clean-now' || meaning === 'clean-soon') bay.cleaningDue = true
  if (!bay.cleaningDue) return
  if (drive.clean === undefined || library === undefined) {
    warn(`drive ${name} asks to be cleaned: that is for a person to do`)
    return
  }
  for (;;) {
    const barcode = await library.bringCleaner(bay, barcodes)
    if (barcode === undefined) {
      warn(
        `drive ${name} asks to be cleaned, and robot ${library.name} has no cleaning cartridge (CLN…) that is not used up: put one in`,
      )
      return
    }
    const isCleaned = await cleanWith(drive.clean.bind(drive))
    await library.empty(bay)
    if (isCleaned) {
      bay.cleaningDue = false
      // What it raised while it was cleaned.
      await drive.takeAlerts()
      logger('drive %s was cleaned with %s', name, barcode)
      return
    }
    library.cleanerIsUsedUp(barcode)
    warn(`cleaning cartridge ${barcode} can't clean any more: take it out of robot ${library.name}`)
  }
}

async function cleanWith(clean: () => Promise<void>): Promise<boolean> {
  try {
    await clean()
    return true
  } catch (error) {
    if (error instanceof NbError && error.code === 'media-open-failed') return false
    throw error
  }
}
