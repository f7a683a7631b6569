import { type Logger, NbError } from '@nb/contracts'
import type { BarcodeReading } from './barcode-rules.ts'
import type { DriveBay } from './drive-bay.ts'
import type { DriveHours } from './drive-hours.ts'
import type { Library } from './library.ts'

/** What drives are cleaned with. */
export interface CleaningParts {
  readonly hours: DriveHours
  /** The library that serves a drive; `undefined` for one that stands alone: a person cleans it. */
  readonly libraryOf: (bay: DriveBay) => Library | undefined
  readonly barcodes: BarcodeReading
  readonly logger: Logger
  readonly warn: (text: string) => void
}

/**
 * Why a drive that is the caller's is to be cleaned before its next volume, in words: its TapeAlert flags have asked for it (20 and 21), or it was
 * used for as many hours as it may be. `undefined` where it is not.
 */
export async function whyToClean(
  { hours }: Pick<CleaningParts, 'hours'>,
  bay: DriveBay,
): Promise<string | undefined> {
  for (const { meaning } of (await bay.drive.takeAlerts?.()) ?? [])
    if (meaning === 'clean-now' || meaning === 'clean-soon') bay.cleaningDue = true
  if (bay.cleaningDue) return 'asks to be cleaned'
  const over = await hours.over(bay)
  return over === undefined ? undefined : `is to be cleaned after ${over} h with volumes`
}

/**
 * Cleans a drive that is the caller's and empty, where it is to be: between two volumes, never while one is in use. Where no cleaning cartridge is
 * left, that is told, and the drive is used as it is; it is tried again after its next volume.
 */
export async function cleanIfDue(parts: CleaningParts, bay: DriveBay): Promise<void> {
  const { hours, libraryOf, barcodes, logger, warn } = parts
  const { drive, name } = bay
  const why = await whyToClean(parts, bay)
  if (why === undefined) return
  const library = libraryOf(bay)
  if (drive.clean === undefined || library === undefined) {
    // Nobody says here when a person has cleaned it: the drive asks again where it has to.
    bay.cleaningDue = false
    warn(`drive ${name} ${why}: that is for a person to do`)
    return
  }
  for (;;) {
    const barcode = await library.bringCleaner(bay, barcodes)
    if (barcode === undefined) {
      warn(
        `drive ${name} ${why}, and robot ${library.name} has no cleaning cartridge (CLN…) that is not used up: put one in`,
      )
      return
    }
    const isCleaned = await cleanWith(drive.clean.bind(drive))
    await library.empty(bay)
    if (isCleaned) {
      bay.cleaningDue = false
      await hours.cleaned(bay)
      // What it raised while it was cleaned.
      await drive.takeAlerts?.()
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
