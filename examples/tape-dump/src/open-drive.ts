import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import {
  type Clock,
  type Files,
  type LibraryPlace,
  NbError,
  systemFiles,
  type TapeDrive,
} from '@nb/contracts'
import {
  type CartridgeStore,
  createIscsiTransport,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  directoryCartridges,
  type IscsiSessionOptions,
  openTapeLibrary,
  parseIscsiUrl,
  type ScsiTapeDrive,
  type ScsiTapeDriveOptions,
} from '@nb/media-tape'

/** A drive with the volume in it, and how to leave it. */
export interface OpenDrive {
  readonly drive: TapeDrive
  /** Lets go, and puts everything back where it was. */
  close(): Promise<void>
}

/** How to reach a drive over iSCSI. */
export interface DriveOptions extends Pick<IscsiSessionOptions, 'initiatorName' | 'chap'> {
  readonly url: string
  /** Number of the drive in its library, from 1; the URL names the library then, else the drive itself. */
  readonly number?: number
  /** Barcode of the volume that the robot is to put into the drive. @default the one that is in it */
  readonly volume?: string
  readonly quirks?: ScsiTapeDriveOptions['quirks']
}

/** Loads the volume of a drive over iSCSI. A volume that was in the drive before stays loaded; one that the robot brought goes back. */
export async function openDrive(clock: Clock, options: DriveOptions): Promise<OpenDrive> {
  const { url, number, volume, initiatorName, chap, quirks } = options
  const login = { initiatorName, ...(chap === undefined ? {} : { chap }) }
  const { portal, target, lun, chap: named } = parseIscsiUrl(url)
  if (number === undefined && volume === undefined && target !== undefined && lun !== undefined) {
    const inUrl = named === undefined ? {} : { chap: named }
    const transport = createIscsiTransport({ clock }, { ...login, ...inUrl, portal, target, lun })
    const drive = createScsiTapeDrive({ transport, clock }, quirks === undefined ? {} : { quirks })
    return loaded(drive, () => transport.close())
  }
  const library = await openTapeLibrary(
    { clock },
    { ...login, url, ...(quirks === undefined ? {} : { quirks }) },
  )
  const close = (): Promise<void> => library.close()
  try {
    const { name, drive } = library.drives[(number ?? 1) - 1] ?? {}
    if (name === undefined || drive === undefined)
      throw new NbError(
        'not-found',
        `${library.name} has ${library.drives.length} drives, no number ${number}`,
      )
    if (volume === undefined) return await loaded(drive, close)
    const { robot } = library.robot
    const places = await robot.inventory()
    const from = places.find(({ barcode }) => barcode === volume)?.place
    const to = places.find((element) => element.drive === name)?.place
    if (from === undefined) throw new NbError('not-found', `there is no volume ${volume} in ${library.name}`)
    if (to === undefined) throw new NbError('not-found', `the library does not tell where ${name} is`)
    if (from.kind === to.kind && from.number === to.number) return await loaded(drive, close)
    await robot.move({ from, to })
    const putBack = async (): Promise<void> => {
      try {
        await drive.unload()
        await robot.move({ from: to, to: from })
      } finally {
        await close()
      }
    }
    return await loaded(drive, putBack)
  } catch (error) {
    await close()
    throw error
  }
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

/**
 * A drive of the emulator with a persistent tape of it (`NAME.tape`) in it. The file is opened for reading alone, so looking can't change
 * what it looks at.
 */
export async function openTapeFile(clock: Clock, path: string): Promise<OpenDrive> {
  const name = 'tape'
  const store = readOnlyTape(resolve(path))
  const library = createTapeEmulator(
    { clock, store },
    {
      ...{ slots: 1, drives: 1, mailSlots: 0, capacityBytes: Number.MAX_SAFE_INTEGER },
      volumes: [{ name, writeProtected: true }],
    },
  )
  await library.start()
  const robot = createScsiTapeRobot({ transport: library.transport('changer'), clock })
  const [from, to]: readonly LibraryPlace[] = [
    { kind: 'slot', number: 1 },
    { kind: 'drive', number: 1 },
  ]
  await robot.inventory()
  await robot.move({ from: from as LibraryPlace, to: to as LibraryPlace })
  const drive = createScsiTapeDrive({ transport: library.transport('drive1'), clock }, { name: path })
  return loaded(drive, () => library.stop())
}

/** The one tape, whatever it is called. A new library would blank its tapes and note things: nothing of that happens. */
function readOnlyTape(path: string): CartridgeStore {
  const leave = async (): Promise<void> => undefined
  return {
    open: async (name) => {
      const cartridges = directoryCartridges({ files: readOnlyFiles(path), directory: '/' })
      return { ...(await cartridges.open(name)), cut: leave, sync: leave }
    },
    load: async () => undefined,
    save: leave,
  }
}

/** The host's files, to be read only; what is opened is `path`. What the tape would cut off behind a loss of power is left there. */
function readOnlyFiles(path: string): Files {
  const files = systemFiles()
  const refuse = (): Promise<never> =>
    Promise.reject(new NbError('not-supported', `${path} is only looked at`))
  return {
    ...files,
    stat: () => files.stat(path),
    open: async () => {
      const file = await files.open(path, 'read')
      return {
        size: () => file.size(),
        read: (into, position) => file.read(into, position),
        write: refuse,
        truncate: async () => undefined,
        sync: async () => undefined,
        close: () => file.close(),
      }
    },
  }
}
