import { type Clock, NbError, type TapeMountRequest } from '@nb/contracts'
import type { TapeContent } from '@nb/formats'
import type { TapeKeys } from '../encryption/tape-keys.ts'
import type { BarcodeReading } from './barcode-rules.ts'
import { type BringParts, bringVolume } from './bring-volume.ts'
import type { DriveBay } from './drive-bay.ts'
import { notReady } from './drive-care.ts'
import { volumeOf } from './media-records.ts'
import { isOfTransport } from './of-transport.ts'
import { proveLabel, WrongCartridge } from './prove-label.ts'

/** What volumes are brought and proven with. */
export interface BringProvenParts extends BringParts {
  readonly clock: Clock
  /** Keys of volumes that drives encrypt. @default there are none */
  readonly keys: TapeKeys | undefined
  readonly barcodes: BarcodeReading
}

/**
 * Has a volume loaded in a drive that is the caller's, and its label proven; gives its generation. Where the drive was reset or could not be reached
 * in between, that says nothing of the volume: it is loaded and proven once more. So it is where the robot was wrong about its places, and has looked again.
 */
export async function bringProven(
  parts: BringProvenParts,
  bay: DriveBay,
  request: TapeMountRequest,
): Promise<string> {
  const { libraryOf } = parts
  for (let attempt = 1; ; attempt++) {
    const volume = await volumeOf(parts.media, request.volumeId)
    await bringVolume(parts, bay, volume)
    const library = libraryOf(bay)
    const wasMistaken = async (found: TapeContent): Promise<boolean> =>
      attempt === 1 && (await library?.audit({ volume, found, bay }, parts.barcodes)) === true
    try {
      const { isInDoubt = false } = library ?? {}
      return await proveLabel({ ...parts, wasMistaken, isInDoubt }, bay, volume, request)
    } catch (error) {
      if (error instanceof WrongCartridge) {
        bay.loaded = undefined
        continue
      }
      if (!isOfDrive(error)) throw error
      // What was proven of it was so before.
      if (bay.loaded !== undefined) bay.loaded = { volumeId: volume.volumeId }
      if (attempt > 1) throw notReady(bay, `did not read its label: ${error.message}`, error, volume.volumeId)
    }
  }
}

/** How a drive fails that does not know its place any more, or is not to be reached. */
function isOfDrive(error: unknown): error is NbError {
  const codes = ['drive-not-ready', 'media-position-failed', 'media-read-failed', 'media-write-failed']
  return isOfTransport(error) || (error instanceof NbError && codes.includes(error.code))
}
