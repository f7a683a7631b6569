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
  const { media, care, bays } = parts
  const { volumeId } = volume
  await care.reserve(bay)
  if (bay.loaded?.volumeId === volumeId && (await isStillThere(parts, bay, volume))) return bay.changed(true)
  await checkDensity(media, bay, volume)
  await care.makeWay(bay)
  bay.loaded = undefined
  // It may be on its way out of the drive that it was in before.
  for (const other of bays.values()) if (other.loaded?.volumeId === volumeId) await other.leaving
  await putAndLoad(parts, bay, volume)
  bay.loaded = { volumeId }
  await media.recordMount({ volumeId, drive: bay.name })
  bay.changed(true)
}

/** A library that began anew between the move and the load has put the volume back, and the drive may have loaded something else. */
async function putAndLoad(
  { care, libraryOf, tell }: BringParts,
  bay: DriveBay,
  volume: Volume,
): Promise<void> {
  const library = libraryOf(bay)
  for (let attempt = 1; ; attempt++) {
    await library?.put(volume, bay, tell)
    await care.load(bay, volume.volumeId)
    if (library === undefined || (await library.shows(volume, bay))) return
    await care.unload(bay)
    if (attempt === 1) continue
    throw new NbError(
      'drive-not-ready',
      `Drive ${bay.name} has loaded something that robot ${library.name} does not show to be volume ${volume.volumeId}.`,
      { details: { drive: bay.name, volumeId: volume.volumeId } },
    )
  }
}

async function isStillThere(
  { care, libraryOf }: BringParts,
  bay: DriveBay,
  volume: Volume,
): Promise<boolean> {
  if ((await care.look(bay)).state !== 'loaded') return false
  return (await libraryOf(bay)?.shows(volume, bay)) ?? true
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
