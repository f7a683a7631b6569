import type { Clock, Lifecycle, MediaManager, StorageUnit, TapeStorageUnit } from '@nb/contracts'
import { type DeviceManager, openTapeLibrary, type OpenTapeLibrary, tgtDriveQuirks } from '@nb/media-tape'
import type { TapeSettings } from './tape-settings.ts'

/** Name of the storage unit of the tape library. */
export const tapeStorageUnit = 'tape1'
/** All drives and volumes of the library are of one density. */
const density = 'hcart'

/** Opens the library. Rejects with `scsi-transport-lost` where it can't be reached, `scsi-access-denied` without the right secret. */
export async function openTape({ access, quirks }: TapeSettings, clock: Clock): Promise<OpenTapeLibrary> {
  return await openTapeLibrary(
    { clock },
    { ...access, ...(quirks === undefined ? {} : { quirks: tgtDriveQuirks }) },
  )
}

/** What the media manager is told of a library. */
export interface TapeStart {
  readonly mediaServer: string
  /** Largest fragment of an image, bytes. */
  readonly maxFragmentBytes: number
  /** Most backups that share a drive. */
  readonly streamsPerDrive: number
  /** Is told what an administrator must know. @default nobody is */
  readonly warn?: (text: string) => void
}

/**
 * Registers robot, drives and storage unit of a library, starts its devices, and takes its volumes in. What an operator has changed of a drive or of the unit stays as
 * it is, but for what each start of the server says.
 */
export function tapeStart(
  media: MediaManager,
  library: OpenTapeLibrary,
  devices: DeviceManager,
  { mediaServer, maxFragmentBytes, streamsPerDrive, warn }: TapeStart,
): Required<Lifecycle> {
  const robot = library.robot.name
  return {
    start: async () => {
      if ((await first(media.robots({ name: robot }))) === undefined)
        await media.putRobot({ name: robot, state: 'up' })
      for (const { name } of library.drives)
        if ((await first(media.drives({ name }))) === undefined)
          await media.putDrive({ name, mediaServer, density, robot, state: 'up' })
      const known = await first<StorageUnit>(media.storageUnits({ name: tapeStorageUnit }))
      const said = {
        maxFragmentBytes,
        maxStreamsPerDrive: streamsPerDrive,
        maxConcurrentDrives: library.drives.length,
      }
      const made: TapeStorageUnit = {
        type: 'tape',
        name: tapeStorageUnit,
        mediaServer,
        state: 'up',
        onDemandOnly: true,
        density,
        robot,
        ...said,
      }
      await media.putStorageUnit(known?.type === 'tape' ? { ...known, ...said } : made)
      await devices.start()
      for (const difference of await devices.updateInventory({ robot })) {
        const { kind } = difference
        if (kind === 'gone') warn?.(`volume ${difference.volumeId} is not in ${robot} any more`)
        if (kind === 'refused')
          warn?.(
            `${robot}, ${difference.place}: ${difference.barcode ?? 'a volume'} is not taken in: ${difference.why}`,
          )
      }
    },
    stop: () => devices.stop(),
  }
}

async function first<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
