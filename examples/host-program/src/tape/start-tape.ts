import {
  type Clock,
  type Lifecycle,
  type MediaManager,
  type StorageUnit,
  type TapeStorageUnit,
} from '@nb/contracts'
import { type DeviceManager, openTapeLibrary, type OpenTapeLibrary, tgtDriveQuirks } from '@nb/media-tape'
import type { TapeSettings } from './tape-settings.ts'

/** Name of the storage unit of the tape library. */
export const tapeStorageUnit = 'tape1'
/** All drives and volumes of the library are of one density. */
const density = 'hcart'

/**
 * Opens the library. Its robot is called `robot1` and its drives `drive1`, `drive2`, …, behind `prefix`, which tells them from those of other hosts. Rejects with
 * `scsi-transport-lost` where it can't be reached, `scsi-access-denied` without the right secret.
 */
export async function openTape(
  { access, quirks }: TapeSettings,
  clock: Clock,
  prefix = '',
): Promise<OpenTapeLibrary> {
  const names = { robotName: `${prefix}robot1`, drivePrefix: `${prefix}drive` }
  return await openTapeLibrary(
    { clock },
    { ...access, ...names, ...(quirks === undefined ? {} : { quirks: tgtDriveQuirks }) },
  )
}

/** What the media manager is told of a library. */
export interface TapeStart {
  readonly mediaServer: string
  /** The storage unit that is made of it. @default an administrator adds one */
  readonly unit?: Pick<TapeStorageUnit, 'name' | 'maxFragmentBytes' | 'maxStreamsPerDrive'>
  /** Is told what an administrator must know. @default nobody is */
  readonly warn?: (text: string) => void
}

/**
 * Registers robot and drives of a library, and its storage unit where it is told one, starts its devices, and takes its volumes in. What an operator has changed of a drive or of the unit stays as
 * it is, but for what each start of the server says.
 */
export function tapeStart(
  media: MediaManager,
  library: OpenTapeLibrary,
  devices: DeviceManager,
  { mediaServer, unit, warn }: TapeStart,
): Required<Lifecycle> {
  const robot = library.robot.name
  return {
    start: async () => {
      // A robot belongs to who has its drives: they come first.
      for (const { name } of library.drives)
        if ((await first(media.drives({ name }))) === undefined)
          await media.putDrive({ name, mediaServer, density, robot, state: 'up' })
      if ((await first(media.robots({ name: robot }))) === undefined)
        await media.putRobot({ name: robot, state: 'up' })
      if (unit !== undefined) await putUnit(media, library, { mediaServer, unit })
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

async function putUnit(
  media: MediaManager,
  library: OpenTapeLibrary,
  { mediaServer, unit }: { readonly mediaServer: string; readonly unit: NonNullable<TapeStart['unit']> },
): Promise<void> {
  const known = await first<StorageUnit>(media.storageUnits({ name: unit.name }))
  const said = { ...unit, maxConcurrentDrives: library.drives.length }
  const made: TapeStorageUnit = {
    ...{ type: 'tape', mediaServer, state: 'up', onDemandOnly: true, density, robot: library.robot.name },
    ...said,
  } as const
  await media.putStorageUnit(known?.type === 'tape' ? { ...known, ...said } : made)
}

async function first<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
