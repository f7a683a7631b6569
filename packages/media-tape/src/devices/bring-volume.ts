import { type MediaManager, NbError, type Volume } from '@nb/contracts'
import type { DriveBay } from './drive-bay.ts'
import type { DriveCare } from './drive-care.ts'
import type { Library } from './library.ts'
import { driveOf } from './media-records.ts'

/** What volumes are brought with. */
export interface BringParts {
  readonly media: MediaManager
  readonly care: DriveCare
  readonly bays: ReadonlyMap<string, DriveBay>
  /** The library that serves a drive; `undefined` for one that stands alone. */
  readonly libraryOf: (bay: DriveBay) => Library | undefined
  /** Writes into the log of the job. */
  readonly tell: (text: string) => Promise<void>
}

/** Has a volume loaded in a drive that is the caller's; where it is there already, nothing moves. */
export async function bringVolume(parts: BringParts, bay: DriveBay, volume: Volume): Promise<void> {
  const { media, care, bays, libraryOf, tell } = parts
  const { volumeId } = volume
  const library = libraryOf(bay)
  if (bay.loaded?.volumeId === volumeId && (await isStillThere(library, bay, volume))) return
  await checkDensity(media, bay, volume)
  bay.loaded = undefined
  // It may be on its way out of the drive that it was in before.
  for (const other of bays.values()) if (other.loaded?.volumeId === volumeId) await other.leaving
  await library?.put(volume, bay, tell)
  await care.load(bay, volumeId)
  bay.loaded = { volumeId }
  await media.recordMount({ volumeId, drive: bay.name })
}

async function checkDensity(
  media: MediaManager,
  { name }: DriveBay,
  { volumeId, density }: Volume,
): Promise<void> {
  const drive = await driveOf(media, name)
  if (drive === undefined || drive.density === density) return
  throw new NbError(
    'media-open-failed',
    `Volume ${volumeId} has density ${density}, drive ${name} ${drive.density}: correct the one that is wrong.`,
    { retryable: false, details: { volumeId, drive: name } },
  )
}

async function isStillThere(
  library: Library | undefined,
  bay: DriveBay,
  { barcode }: Volume,
): Promise<boolean> {
  if ((await bay.drive.status()).state !== 'loaded') return false
  return library === undefined || barcode === undefined || (await library.barcodeIn(bay)) === barcode
}
