import { randomBytes } from 'node:crypto'
import {
  type Clock,
  counted,
  type LibraryElement,
  type LibraryPlace,
  NbError,
  type TapeDrive,
} from '@nb/contracts'
import {
  assembleTapeLibrary,
  createScsiTapeDrive,
  describeUnit,
  openUnits,
  type OpenTapeLibrary,
  type ReachedUnit,
  type ScsiTapeDrive,
  type ScsiTapeDriveOptions,
  type TapeLibraryAccess,
  type UnitGroup,
  volumeIdOf,
} from '@nb/media-tape'

/** A drive with the volume in it, and how to leave it. */
export interface OpenDrive {
  readonly drive: TapeDrive
  /** Lets go, and puts everything back where it was. */
  close(): Promise<void>
}

/** Which drive, and how it is reached. */
export interface DriveOptions {
  /** It names a drive by itself, or its library. */
  readonly access: TapeLibraryAccess
  /** Number of the drive in its library, from 1. @default 1; for a volume the one that it is in, else the first empty one */
  readonly number?: number
  /** Barcode or id of the volume that the robot is to put into the drive. @default the one that is in it */
  readonly volume?: string
  readonly quirks?: ScsiTapeDriveOptions['quirks']
}

/** Loads the volume of a drive. A volume that was in the drive before stays loaded; one that the robot brought goes back. */
export async function openDrive(clock: Clock, options: DriveOptions): Promise<OpenDrive> {
  const { access, number, volume, quirks } = options
  const { library: name } = access
  const group = await openUnits({ clock }, access)
  const how = { group, ...(quirks === undefined ? {} : { quirks }) }
  try {
    const { named } = group
    if (named !== undefined && named.kind !== 'robot') {
      requireDrive(group, named, { number, volume })
      const drive = createScsiTapeDrive({ transport: named.transport, clock }, { ...how, name })
      const [robot, ...more] = group.units.filter(({ kind }) => kind === 'robot')
      const library =
        robot === undefined || more.length > 0
          ? undefined
          : await assembleTapeLibrary({ clock }, { ...how, group: { ...group, named: robot } })
      await requireVolume(drive, named, await mouthOf(library, named))
      return await loaded(drive, () => group.close())
    }
    return await openInLibrary(await assembleTapeLibrary({ clock }, how), number, volume)
  } catch (error) {
    await group.close()
    throw error
  }
}

async function openInLibrary(
  library: OpenTapeLibrary,
  number: number | undefined,
  volume: string | undefined,
): Promise<OpenDrive> {
  if (volume !== undefined) return await openVolume(library, number, volume)
  const { drive, unit } = driveOfNumber(library, number ?? 1)
  await requireVolume(drive, unit, await mouthOf(library, unit))
  return await loaded(drive, () => library.close())
}

/** Reads a volume in the drive that it is in already, else in the one that was named, else in one that is empty. */
async function openVolume(
  library: OpenTapeLibrary,
  number: number | undefined,
  volume: string,
): Promise<OpenDrive> {
  const named = number === undefined ? undefined : driveOfNumber(library, number).name
  const { robot } = library.robot
  const places = await robot.inventory()
  const from = placeOfVolume(places, volume, library.name)
  const within = places.find(({ place }) => place.kind === from.kind && place.number === from.number)
  const name = named ?? within?.drive ?? emptyDrive(library, places)
  const drive = library.drives.find((each) => each.name === name)?.drive
  const to = places.find((element) => element.drive === name)?.place
  if (drive === undefined || to === undefined)
    throw new NbError('not-found', `the library does not tell where ${name} is`)
  if (from.kind === to.kind && from.number === to.number) return await loaded(drive, () => library.close())
  await robot.move({ from, to })
  return await loaded(drive, async () => {
    try {
      await drive.unload()
      await robot.move({ from: to, to: from })
    } finally {
      await library.close()
    }
  })
}

function driveOfNumber(library: OpenTapeLibrary, number: number): OpenTapeLibrary['drives'][number] {
  const drive = library.drives[number - 1]
  if (drive !== undefined) return drive
  throw new NbError(
    'not-found',
    `${library.name} has ${counted(library.drives.length, 'drive')}, no number ${number}`,
  )
}

/** The first drive without a volume. */
function emptyDrive(library: OpenTapeLibrary, places: readonly LibraryElement[]): string {
  const empty = library.drives.find(({ name }) =>
    places.some((each) => each.drive === name && each.barcode === undefined && each.unlabelled !== true),
  )
  if (empty !== undefined) return empty.name
  throw new NbError(
    'element-full',
    `there is a volume in each drive of ${library.name}: take one out, and say --drive N, or leave --volume out to read the one in drive N`,
  )
}

/** Where the volume is whose barcode it is, or whose id: the barcode without what tells the kind of cartridge. */
function placeOfVolume(places: readonly LibraryElement[], volume: string, library: string): LibraryPlace {
  const byBarcode = places.filter(({ barcode }) => barcode === volume)
  const found =
    byBarcode.length > 0
      ? byBarcode
      : places.filter(({ barcode }) => barcode !== undefined && volumeIdOf(barcode) === volume)
  const [element, ...more] = found
  if (element === undefined) throw new NbError('not-found', `there is no volume ${volume} in ${library}`)
  if (more.length > 0)
    throw new NbError(
      'argument-invalid',
      `${volume} may be ${found.map(({ barcode }) => barcode).join(' or ')}: say the whole barcode`,
    )
  return element.place
}

/** What stands in the way of reading a tape in a unit that is named by itself. */
function requireDrive(
  group: UnitGroup,
  named: ReachedUnit,
  { number, volume }: { readonly number: number | undefined; readonly volume: string | undefined },
): void {
  if (named.kind !== 'drive') {
    const drives = group.units.filter(({ kind }) => kind === 'drive').map(({ name }) => name)
    const other =
      drives.length === 0 ? '' : `; ${drives.join(', ')} ${drives.length === 1 ? 'is one' : 'are'}`
    throw new NbError('argument-invalid', `${describeUnit(named)} is no tape drive${other}`)
  }
  if (number !== undefined || volume !== undefined)
    throw new NbError(
      'argument-invalid',
      `${describeUnit(named)} is one drive: with --drive and --volume name its library, without a unit or by its robot`,
    )
}

/** What a robot sees in a drive, where there is one that knows. */
async function mouthOf(
  library: OpenTapeLibrary | undefined,
  { name }: ReachedUnit,
): Promise<LibraryElement | undefined> {
  const drive = library?.drives.find(({ unit }) => unit.name === name)
  if (library === undefined || drive === undefined) return undefined
  try {
    const places = await library.robot.robot.inventory()
    return places.find((element) => element.drive === drive.name)
  } catch (error) {
    // A robot that does not work keeps nobody from reading what is in a drive: the drive is asked then.
    if (error instanceof NbError && (error.code === 'robot-not-ready' || error.code === 'robot-failed'))
      return undefined
    throw error
  }
}

/** A drive of tgtd that is told to load without a volume in it shows a blank medium of its own; so it is not told to. */
async function requireVolume(
  drive: ScsiTapeDrive,
  unit: ReachedUnit,
  mouth: LibraryElement | undefined,
): Promise<void> {
  const empty =
    mouth === undefined
      ? (await drive.status()).state === 'empty'
      : mouth.barcode === undefined && mouth.unlabelled !== true
  if (empty)
    throw new NbError(
      'drive-not-ready',
      `there is no volume in ${describeUnit(unit)}; --volume has the robot of a library fetch one`,
    )
}

/** A drive for ourselves: who else works with it keeps us off, and is kept off meanwhile, since a dump moves the tape. */
async function loaded(drive: ScsiTapeDrive, close: () => Promise<void>): Promise<OpenDrive> {
  const letGo = async (): Promise<void> => {
    try {
      await drive.release()
    } finally {
      await close()
    }
  }
  try {
    await reserveWhereItCan(drive)
    await drive.load()
    return { drive, close: letGo }
  } catch (error) {
    await letGo()
    throw error
  }
}

async function reserveWhereItCan(drive: ScsiTapeDrive): Promise<void> {
  try {
    await drive.reserve({ key: randomBytes(8).readBigUInt64BE() | 1n })
  } catch (error) {
    if (!(error instanceof NbError) || error.code !== 'not-supported') throw error
  }
}
